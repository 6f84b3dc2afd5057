import os
import sys
import threading
import time

import pytest

from deeplab import processor
from deeplab.processor import ahead, in_order


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


def test_the_processor_has_a_name_of_one_line() -> None:
    assert processor.processor_name().strip()
    assert "\n" not in processor.processor_name()


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


# One thread that goes ahead


@pytest.mark.parametrize("most", [1, 3, 50])
def test_items_that_are_made_ahead_are_the_same_in_the_same_order(most):
    assert list(ahead(iter(range(20)), most=most)) == list(range(20))


def test_items_are_made_in_another_thread_and_only_a_few_ahead():
    made = []

    def items():
        for item in range(100):
            made.append(threading.get_ident())
            yield item

    results = ahead(items(), most=3)
    assert next(results) == 0
    results.close()
    assert len(made) <= 4
    assert threading.get_ident() not in made


def test_what_goes_wrong_ahead_is_raised_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("broken")

    results = ahead(items())
    assert next(results) == 1
    with pytest.raises(ValueError, match="broken"):
        next(results)
