import numpy as np

from deeplab.evaluation.close_up import draw_close_up, error_map
from deeplab.labels import VOID, named

LABELS = named(("background", "cat", "dog"))


def a_picture(height=30, width=40):
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_what_is_wrong_is_red_what_is_void_grey_and_the_rest_has_no_colour():
    is_wrong, is_void = np.zeros((2, 30, 40), bool)
    is_wrong[:, :10], is_void[:, 10:20] = True, True
    drawn = error_map(a_picture(), is_wrong, is_void).astype(int)
    red, green, blue = np.moveaxis(drawn, -1, 0)
    assert (red[:, :10] > green[:, :10] + 80).all()
    assert (red[:, 10:] == green[:, 10:]).all()
    assert (green[:, 10:] == blue[:, 10:]).all()
    assert np.ptp(drawn[:, 10:20]) < np.ptp(drawn[:, 20:])


def test_a_line_of_errors_one_pixel_wide_is_still_seen_when_shrunk():
    is_wrong = np.zeros((300, 400), bool)
    is_wrong[101] = True
    drawn = error_map(np.full((30, 40, 3), 128, np.uint8), is_wrong, is_wrong & False).astype(int)
    assert (drawn[10, :, 0] > drawn[10, :, 1]).all()
    assert (drawn[9, :, 0] == drawn[9, :, 1]).all()


def test_a_close_up_is_photo_truth_and_two_drawings_for_each_prediction():
    truth = np.zeros((1200, 1600), np.uint8)
    truth[:, 800:] = 1
    drawings = draw_close_up(
        a_picture(1200, 1600), truth, {"a": truth, "b": truth * 0}, label_set=LABELS
    )
    assert [line for _, line in drawings] == [
        *("photo", "truth: cat", "a: found: cat", "a: wrong", "b: found: nothing", "b: wrong")
    ]
    assert {drawn.shape for drawn, _ in drawings} == {(360, 480, 3)}
    right, wrong = drawings[3][0].astype(int), drawings[5][0].astype(int)
    assert (right[..., 0] == right[..., 1]).all()
    assert (wrong[:, 240:, 0] > wrong[:, 240:, 1]).all()
    assert (wrong[:, :240, 0] == wrong[:, :240, 1]).all()


def test_void_is_no_error_whatever_was_found_there():
    truth = np.full((30, 40), VOID, np.uint8)
    (_, errors) = draw_close_up(a_picture(), truth, {"": truth * 0}, label_set=LABELS)[2:]
    assert (errors[0][..., 0] == errors[0][..., 1]).all()


def test_classes_are_named_by_size_and_no_more_than_a_line_takes():
    labels = named([f"class {number}" for number in range(12)])
    truth = np.repeat(np.arange(12), np.arange(12) + 1).astype(np.uint8)[np.newaxis]
    drawings = draw_close_up(a_picture(1, 78), truth, {}, label_set=labels)
    assert drawings[1][1] == (
        "truth: class 11, class 10, class 9, class 8, class 7, class 6 and 5 more"
    )
