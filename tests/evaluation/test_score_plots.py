import re

import numpy as np
import pytest

from deeplab.evaluation.calibration import Calibration
from deeplab.evaluation.measure import PictureResult

plots = pytest.importorskip("deeplab.evaluation.plots", reason="drawing needs the plots extra")
score_plots = pytest.importorskip("deeplab.evaluation.score_plots")

NAMES = ("background", "cat", "dog & cat")


def words(figure):
    return re.findall(r"<text[^>]*>([^<]*)</text>", plots.inline_svg(figure))


def test_a_confusion_matrix_names_its_classes_and_gives_per_cent_of_each_row():
    counts = ((90, 10, 0), (0, 25, 75), (0, 0, 0))
    figure = score_plots.confusion_figure(NAMES, counts, title="mine on val")
    written = words(figure)
    assert written.count("cat") == written.count("dog &amp; cat") == 2
    assert sorted(text for text in written if text.isdigit()) == ["10", "25", "75", "90"]
    assert {"is", "was called", "mine on val"} <= set(written)


def test_the_tints_of_a_confusion_matrix_are_blue_where_right_and_see_through_where_nothing_is():
    figure = score_plots.confusion_figure(NAMES, ((9, 1, 0), (0, 1, 3), (0, 0, 0)))
    cells = figure.axes[0].images[0].get_array()
    assert cells[0, 0, 2] > cells[0, 0, 0]
    assert cells[0, 1, 0] > cells[0, 1, 2]
    assert (cells[2, :, 3] == 0).all()
    assert cells[0, 0, 3] > cells[1, 1, 3] > cells[0, 1, 3] > 0


def test_many_classes_have_names_but_no_numbers():
    names = [f"class {number}" for number in range(64)]
    written = words(score_plots.confusion_figure(names, np.eye(64, dtype=int)))
    assert set(names) <= set(written)
    assert not any(text.isdigit() for text in written)


def reliability(seed):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, (50, 50), dtype=np.uint8)
    calibration = Calibration(2)
    calibration.add(PictureResult("picture", truth, truth, random.uniform(0.5, 1, truth.shape)))
    return calibration.result()


def test_a_reliability_diagram_tells_the_error_of_each_curve_and_leaves_out_empty_bins():
    found = reliability(0)
    figure = score_plots.reliability_figure({"with CRF": found, "without CRF": reliability(1)})
    assert f"with CRF: ECE {100 * found.expected_error:.2f} %" in words(figure)
    _, line, _ = figure.axes[0].lines
    assert len(line.get_xdata()) == 8  # of 15 bins those from 7 / 15 on
    assert line.get_ydata() == pytest.approx([100.0] * 8)


def test_bars_of_classes_are_sorted_and_their_whiskers_span_the_intervals():
    figure = score_plots.class_iou_figure(
        NAMES, (0.5, 0.9, 0.1), intervals=((0.4, 0.7), (0.9, 0.9), (0, 0.2)), before=(0.4, 0.8, 0)
    )
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([10, 50, 90])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dog & cat", *NAMES[:2]]
    whiskers = next(one for one in axes.collections if len(one.get_segments()) == 3)
    assert whiskers.get_segments()[1][:, 0] == pytest.approx([40, 70])


def test_a_drawing_for_a_page_takes_its_colour_and_has_no_names_that_another_may_have_too():
    figures = [score_plots.confusion_figure(NAMES, np.eye(3, dtype=int)) for _ in range(2)]
    svg = plots.inline_svg(figures[0])
    assert svg.startswith("<svg")
    assert "#000000" not in svg
    assert "currentColor" in svg
    assert not re.search(r'id="\w+_\d+"', svg)
    named = set(re.findall(r'id="([^"]+)"', svg))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', svg)) <= named


def test_a_histogram_counts_every_picture_and_marks_the_median():
    axes = score_plots.histogram_figure([0.02, 0.5, 0.52, 1.0]).axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 4
    assert axes.lines[0].get_xdata()[0] == pytest.approx(51)
