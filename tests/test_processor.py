import os
import sys
import threading
import time

import pytest

from deeplab import processor
from deeplab.processor import in_order


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


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(workers):
    def slow_for_even_ones(item):
        time.sleep(0.002 * (item % 2 == 0))
        return item * item

    found = list(in_order(slow_for_even_ones, range(20), workers=workers))
    assert found == [item * item for item in range(20)]


def test_several_items_are_under_way_at_once():
    together = threading.Barrier(2, timeout=10)  # each waits for the other one
    assert len(list(in_order(lambda _: together.wait(), range(2), workers=2))) == 2


def test_items_are_not_taken_long_before_their_results_are_wanted():
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    results = in_order(lambda item: item, items(), workers=2)
    next(results)
    assert len(taken) <= 2 * 2 + 1
    results.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_reaches_the_caller(workers):
    def fail_at_three(item):
        if item == 3:
            raise ValueError("three")
        return item

    done = []
    with pytest.raises(ValueError, match="three"):
        done.extend(in_order(fail_at_three, range(10), workers=workers))
    assert done in ([], [0, 1, 2])
