import os
import sys

import pytest

from deeplab import processor


def test_at_least_one_core_is_there_and_no_more_than_the_machine_has() -> None:
    assert 1 <= processor.num_cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cores are given to it on Linux")
def test_cores_that_the_process_was_not_given_do_not_count() -> None:
    given = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(given)})
        assert processor.num_cores() == 1
    finally:
        os.sched_setaffinity(0, given)
