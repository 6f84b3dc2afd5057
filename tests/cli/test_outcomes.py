import weakref

import pytest

from deeplab.cli.outcomes import Tally
from deeplab.inference import ClassShare, Outcome


def _done(name: str, size: tuple[int, int], *found: ClassShare) -> Outcome:
    return Outcome(name, "done", {}, size, found)


def test_every_pixel_counts_the_same_however_large_its_picture(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tally = Tally()
    tally.add(_done("large", (30, 10), ClassShare("cat", 1, 1.0, 0.9)))
    tally.add(
        _done("small", (10, 10), ClassShare("cat", 1, 0.5, 0.5), ClassShare("dog", 2, 0.5, 0.7))
    )
    tally.show()
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines()]
    cells = [[cell.strip() for cell in row] for row in rows if row]
    assert ["cat", "2", "87.5 %", "84.3 %"] in cells  # (300 * 0.9 + 50 * 0.5) / 350
    assert ["dog", "1", "12.5 %", "70.0 %"] in cells


def test_outcomes_that_were_counted_are_not_kept() -> None:
    tally = Tally()
    first = _done("first", (3, 3), ClassShare("cat", 1, 1.0, 0.9))
    is_kept = weakref.ref(first)
    tally.add(first)
    tally.add(_done("second", (3, 3)))
    del first
    assert is_kept() is None


def test_of_nothing_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Tally().show()
    assert capsys.readouterr().out == ""


def test_of_very_many_failures_the_first_are_listed_and_all_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tally = Tally()
    for number in range(2500):
        tally.add(Outcome(f"{number}.jpg", "failed", reason="no such file"))
    tally.show_failures()
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["2500 of 2500 could not be done:", "  0.jpg: no such file"]
    assert lines[-1] == "  and 1500 more"
    assert len(lines) == 1002
