import numpy as np
import pytest

from deeplab.data import regions

SHAPE = (20, 30)


def painted(paint: regions.Paint, shape=SHAPE) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    paint(labels, 1)
    return labels


def test_a_box_on_whole_pixels_covers_exactly_these():
    labels = painted(regions.polygons([regions.box_corners(4, 3, 9, 8)], "here"))
    expected = np.zeros(SHAPE, np.uint8)
    expected[3:8, 4:9] = 1
    assert np.array_equal(labels, expected)


def test_several_polygons_are_united():
    one, two = regions.box_corners(1, 1, 5, 5), regions.box_corners(3, 3, 8, 8)
    both = painted(regions.polygons([one, two], "here"))
    single = painted(regions.polygons([one], "here")) | painted(regions.polygons([two], "here"))
    assert np.array_equal(both, single)


def test_what_hangs_over_the_border_is_cut_off():
    hanging = painted(regions.polygons([regions.box_corners(-6, -6, 4, 3)], "here"))
    assert np.array_equal(hanging, painted(regions.polygons([regions.box_corners(0, 0, 4, 3)], "")))


@pytest.mark.parametrize("far", [1e6, -1e6, np.nan, np.inf])
def test_a_point_far_out_of_the_picture_is_refused(far):
    corners = [[0, 0], [5, 0], [far, 5]]
    for paint in (
        regions.polygons([corners], "shape 3"),
        regions.drawn(lambda draw: None, corners, "shape 3"),
    ):
        with pytest.raises(ValueError, match=r"shape 3: a point \(.*\) far out of the picture"):
            painted(paint)


def test_a_patch_lies_where_it_was_put_and_is_cut_at_borders():
    mask = np.ones((4, 4), bool)
    labels = painted(regions.patch(lambda: mask, top=18, left=-2, where="here"))
    assert labels.sum() == 4
    assert labels[18:, :2].all()


def test_a_patch_wholly_outside_is_refused():
    with pytest.raises(ValueError, match="lies out of the picture"):
        painted(regions.patch(lambda: np.ones((2, 2), bool), top=20, left=0, where="here"))


def test_a_quarter_turn_goes_clockwise_on_the_picture():
    assert np.allclose(regions.rotate([[3, 1]], (1, 1), 90), [[1, 3]])


def test_turning_back_and_forth_changes_nothing():
    corners = regions.box_corners(1, 2, 9, 5)
    turned = regions.rotate(regions.rotate(corners, (4, 4), 33), (4, 4), -33)
    assert np.allclose(turned, corners)


def test_an_ellipse_has_its_area_on_paper_and_on_pixels():
    corners = regions.ellipse_corners((15, 10), 9, 6)
    assert regions.area(corners) == pytest.approx(np.pi * 54, rel=1e-3)
    # pycocotools rounds borders to pixels: at most one pixel along the border of some 48.
    assert painted(regions.polygons([corners], "")).sum() == pytest.approx(np.pi * 54, abs=24)


def test_the_area_of_a_polygon_does_not_depend_on_where_it_begins():
    corners = np.array([[0, 0], [7, 1], [9, 6], [2, 8]], float)
    areas = [regions.area(np.roll(corners, turn, axis=0)) for turn in range(4)]
    assert areas == pytest.approx([areas[0]] * 4)
    assert regions.area(regions.box_corners(1, 2, 4, 9)) == 21
