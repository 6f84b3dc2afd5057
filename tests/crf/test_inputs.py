"""The door: what is taken as it is, and what errors say of the rest."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.crf import samples

from deeplab.crf import Bilateral, DenseCRF, Spatial

HEIGHT, WIDTH, LABELS = 12, 17, 3
CRF = DenseCRF(threads=1)

Array = NDArray[Any]


def _picture(channels: int = 3) -> NDArray[np.uint8]:
    return samples.picture(HEIGHT, WIDTH, channels)


def _scores() -> NDArray[np.float32]:
    return samples.scores(LABELS, HEIGHT, WIDTH)


def _with(value: float, index: Any = (1, 2, 3)) -> NDArray[np.float32]:
    scores = _scores()
    scores[index] = value
    return scores


def _probabilities() -> NDArray[np.float64]:
    exponentials = np.exp(_scores().astype(np.float64))
    return np.asarray(exponentials / exponentials.sum(axis=0))


def _read_only(array: Array) -> Array:
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "change",
    [
        _read_only,
        np.asfortranarray,
        lambda array: np.repeat(array, 2, axis=1)[:, ::2],
        lambda array: array[::-1].copy()[::-1],
        np.ma.asarray,
    ],
    ids=["read-only", "column-major", "strided", "negative strides", "subclass"],
)
def test_the_layout_of_arrays_does_not_matter(change: Callable[[Array], Array]) -> None:
    expected = CRF.refine(_picture(), _scores())
    np.testing.assert_array_equal(CRF.refine(change(_picture()), change(_scores())), expected)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_the_float_type_of_scores_does_not_matter(dtype: Any) -> None:
    scores = _scores().astype(np.float16)  # so that all types hold them exactly
    expected = CRF.refine(_picture(), scores.astype(np.float32))
    np.testing.assert_array_equal(CRF.refine(_picture(), scores.astype(dtype)), expected)


def test_torch_tensors_are_taken() -> None:
    torch = pytest.importorskip("torch", reason="tensors need the train extra")
    picture = torch.from_numpy(_picture())
    scores = torch.from_numpy(_scores()).requires_grad_()
    np.testing.assert_array_equal(CRF.refine(picture, scores), CRF.refine(_picture(), _scores()))
    planar = torch.from_numpy(_picture().transpose(2, 0, 1).copy()).permute(1, 2, 0)
    np.testing.assert_array_equal(CRF.refine(planar, scores), CRF.refine(_picture(), _scores()))


def test_bfloat16_tensors_are_taken() -> None:
    torch = pytest.importorskip("torch", reason="tensors need the train extra")
    scores = torch.from_numpy(_scores()).bfloat16()
    np.testing.assert_array_equal(
        CRF.refine(_picture(), scores), CRF.refine(_picture(), scores.float().numpy())
    )


def test_tensors_elsewhere_are_refused() -> None:
    torch = pytest.importorskip("torch", reason="tensors need the train extra")
    with pytest.raises(ValueError, match=r"scores: a tensor on meta; move it here with .cpu\(\)"):
        CRF.refine(_picture(), torch.zeros((LABELS, HEIGHT, WIDTH), device="meta"))


def test_inputs_are_left_alone() -> None:
    picture, scores = _picture(), _scores()
    CRF.refine(picture, scores)
    np.testing.assert_array_equal(picture, _picture())
    np.testing.assert_array_equal(scores, _scores())


def test_probabilities_give_what_their_scores_give() -> None:
    # Float32 logarithms are off by 1e-7, and mean field makes up to ten times as much of it.
    expected = CRF.refine(_picture(), _scores())
    given = CRF.refine(_picture(), probabilities=_probabilities())
    np.testing.assert_allclose(given, expected, atol=2e-6)


def test_a_label_of_probability_0_stays_at_0() -> None:
    probabilities = _probabilities()
    probabilities[0, :5] = 0
    probabilities /= probabilities.sum(axis=0)
    refined = CRF.refine(_picture(), probabilities=probabilities)
    assert (refined[0, :5] == 0).all()
    assert (refined[0, 5:] > 0).all()


def test_probabilities_of_0_on_a_grid_can_be_upsampled() -> None:
    probabilities = np.zeros((2, 3, 4), np.float32)
    probabilities[0, :, :2] = probabilities[1, :, 2:] = 1
    refined = CRF.refine(_picture(), probabilities=probabilities, size=(HEIGHT, WIDTH))
    assert np.isfinite(refined).all()
    assert (refined[0, :, 0] > 0.99).all()
    assert (refined[1, :, -1] > 0.99).all()


def test_minus_infinity_excludes_a_label() -> None:
    refined = CRF.refine(_picture(), _with(-np.inf))
    assert refined[1, 2, 3] == 0
    np.testing.assert_allclose(refined.sum(axis=0), 1, atol=1e-6)


BAD_SCORES: list[tuple[Any, str]] = [
    (_with(np.nan), "NaN at label 1, row 2, column 3; scores have to be finite"),
    (_with(np.inf), r"\+inf .* at label 1, row 2, column 3"),
    (_scores().astype(np.float64) * 1e300, "that float32 cannot hold"),
    (_with(-np.inf, np.s_[:, 2, 3]), "all labels have -inf at row 2, column 3"),
    (_scores().transpose(1, 2, 0), r"labels first with scores.transpose\(2, 0, 1\)"),
    (_scores().transpose(0, 2, 1), r"rows come before columns: scores.transpose\(0, 2, 1\)"),
    (_scores().reshape(LABELS, -1), r"scores.reshape\(-1, 12, 17\)"),
    (_scores()[0], r"scores of shape \(12, 17\) .* of shape \(K, 12, 17\)"),
    (_scores()[:, ::2, ::2], r"coarser grid upsampled, give size=\(12, 17\)"),
    (_scores()[:0], "are empty.* K of at least 1"),
    (np.zeros((1025, HEIGHT, WIDTH), np.float32), "1025 labels, at most 1024"),
    (_scores().astype(np.int64), r"dtype int64: .*use astype\(np.float32\)"),
    (_scores().astype(np.complex64), "dtype complex64"),
    (_scores().astype(object), "dtype object"),
    (_scores().astype(np.longdouble), "dtype float128|dtype float64"),
]


@pytest.mark.parametrize("accuracy", ["lattice", "exact"])
@pytest.mark.parametrize("labels", ["all", "present"])
@pytest.mark.parametrize(("scores", "message"), BAD_SCORES)
def test_scores_that_make_no_sense_are_refused(
    scores: Any, message: str, labels: Any, accuracy: Any
) -> None:
    with pytest.raises(ValueError, match=message):
        DenseCRF(accuracy=accuracy).refine(_picture(), scores, labels=labels)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (_picture().astype(np.float32) / 255, r"0..1 with \(picture \* 255\).round\(\)"),
        (_picture().astype(np.int64), r"bring the values to 0..255.*astype\(np.uint8\)"),
        (_picture()[:0], r"picture of shape \(0, 17, 3\) .* has no pixels"),
        (_picture()[..., :0], "has no pixels"),
        (_picture()[0, 0], r"picture of shape \(3,\)"),
        (_picture()[np.newaxis], "a batch also takes a batch of scores"),
        (_picture().transpose(2, 0, 1), r"channels last with picture.transpose\(1, 2, 0\)"),
        (np.zeros((HEIGHT, WIDTH, 9), np.uint8), "choose at most 8 of its channels"),
        (_picture()[:-1], r"shape \(3, 12, 17\) .* for this picture .* \(K, 11, 17\)"),
        (Image.fromarray(_picture()), r"np.asarray\(image.convert\('RGB'\)\)"),
        ("cat.jpg", "picture: a str is no array; give a numpy array or a torch tensor"),
    ],
)
def test_pictures_that_are_none_are_refused(picture: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CRF.refine(picture, _scores())


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (_scores(), "hold values from .*: probabilities lie in 0..1; give class scores"),
        (_probabilities() * np.nan, "hold values from nan"),
        (_probabilities() / 2, "sum to 0.5 at row 0, column 0: .*divide by the sum"),
        (_probabilities().transpose(1, 2, 0), r"probabilities of shape .*transpose\(2, 0, 1\)"),
        ((_probabilities() > 0.5), "probabilities .* dtype bool"),
    ],
)
def test_probabilities_that_are_none_are_refused(probabilities: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CRF.refine(_picture(), probabilities=probabilities)


def test_a_grid_has_to_be_finite() -> None:
    coarse = np.zeros((2, 3, 4), np.float32)
    coarse[1, 2, 0] = -np.inf
    with pytest.raises(ValueError, match="on a grid: -inf at label 1, row 2, column 0"):
        CRF.refine(_picture(), coarse, size=(HEIGHT, WIDTH))


def test_the_size_has_to_be_the_picture_s() -> None:
    with pytest.raises(ValueError, match=r"size=\(17, 12\): .* give size=\(12, 17\)"):
        CRF.refine(_picture(), _scores(), size=(WIDTH, HEIGHT))
    with pytest.raises(ValueError, match=r"size=5: give \(height, width\)"):
        CRF.refine(_picture(), _scores(), size=5)  # type: ignore[call-overload]


def test_scores_and_probabilities_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="neither scores nor probabilities: give one"):
        CRF.refine(_picture())
    with pytest.raises(ValueError, match="both scores and probabilities: give one"):
        CRF.labels(_picture(), _scores(), probabilities=_probabilities())


@pytest.mark.parametrize(
    ("kernels", "message"),
    [
        ({"bilateral": Bilateral(4, 1e-5, 3)}, "Bilateral: deviation 1e-05 of x is too small .*"),
        ({"bilateral": Bilateral(4, 50, 1e-3)}, "of channel 0 is too small .* at least 0.00255"),
        ({"spatial": Spatial(3, (1, 1e-9))}, "Spatial: deviation 1e-09 of y"),
    ],
)
def test_deviations_that_leave_the_range_of_floats_are_refused(
    kernels: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DenseCRF(**kernels).refine(_picture(), _scores())


def test_a_choice_of_labels_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="labels='some': give one of all, present"):
        CRF.labels(_picture(), _scores(), labels="some")  # type: ignore[call-overload]


def test_a_matrix_for_other_labels_is_refused() -> None:
    crf = DenseCRF(compatibility=1 - np.eye(4))
    with pytest.raises(ValueError, match=r"\(4, 4\), but there are scores of 3 labels"):
        crf.refine(_picture(), _scores())
