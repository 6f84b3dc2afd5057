import threading
import time

import pytest

from deeplab.evaluation import in_order


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
