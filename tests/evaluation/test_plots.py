import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from deeplab.crf import DenseCRF
from deeplab.evaluation import Point, Search, Trial, TrimapCurve

plots = pytest.importorskip("deeplab.evaluation.plots", reason="drawing needs the plots extra")


def texts(path):
    """All that is written in an SVG: matplotlib keeps it as comments beside the outlines."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    tree = ElementTree.parse(path, parser)
    return [str(node.text).strip() for node in tree.iter() if node.tag is ElementTree.Comment]


def search_of(trials):
    return Search(tuple(trials), trials[0], DenseCRF(), 0.5, 7)


GRID = [
    Trial(stage, Point(weight, xy, rgb), 0.6037 + xy / 1000 + weight / 100)
    for stage, xys in (("coarse", (30, 40)), ("fine", (35,)))
    for weight in (3, 4)
    for xy in xys
    for rgb in (3, 5)
]


def test_a_trimap_plot_names_its_curves_and_axes(tmp_path):
    curves = {
        "without CRF": TrimapCurve((0.4, 0.5), (9, 99)),
        "with CRF": TrimapCurve((0.5, 0.6), (9, 99)),
    }
    plots.draw_trimap(tmp_path / "new" / "t.svg", curves, title="mine on val")
    written = texts(tmp_path / "new" / "t.svg")
    assert {"without CRF", "with CRF", "mine on val", "mean IoU in the band, %"} <= set(written)


def test_a_grid_becomes_a_heat_map_for_each_weight_with_its_values(tmp_path):
    plots.draw_search(tmp_path / "h.svg", search_of(GRID))
    written = texts(tmp_path / "h.svg")
    for title in ("coarse, weight 3", "coarse, weight 4", "fine, weight 3", "fine, weight 4"):
        assert written.count(title) == 1
    assert written.count("67.4") == 4  # weight 3 at xy 40, weight 4 at xy 30, two values of rgb
    assert any("50.00 % mean IoU without a CRF" in text for text in written)


def test_the_middle_of_the_fine_grid_is_shown_though_it_was_tried_on_the_coarse_one(tmp_path):
    places = [(xy, rgb) for xy in (35, 40, 45) for rgb in (2, 3, 4)]
    fine = [Trial("fine", Point(3, xy, rgb), 0.5) for xy, rgb in places if (xy, rgb) != (40, 3)]
    coarse = [Trial("coarse", Point(3, 40, 3), 0.6637), Trial("coarse", Point(3, 60, 3), 0.55)]
    plots.draw_search(tmp_path / "h.svg", search_of([*coarse, *fine]))
    assert texts(tmp_path / "h.svg").count("66.4") == 2


def test_drawn_points_become_one_plot(tmp_path):
    trials = [Trial("tpe", Point(3 + n / 10, 30 + n, 3), 0.6 + n / 100) for n in range(5)]
    plots.draw_search(tmp_path / "h.svg", search_of(trials))
    assert "tpe (the larger the dot, the larger the weight)" in texts(tmp_path / "h.svg")


def test_a_single_trial_can_be_drawn_as_a_png(tmp_path):
    plots.draw_search(tmp_path / "h.png", search_of(GRID[:1]))
    with Image.open(tmp_path / "h.png") as image:
        assert image.format == "PNG"
