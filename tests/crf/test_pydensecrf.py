"""The stand-in for pydensecrf: programs written for it run, and give the same numbers.

The programs here are ours; they do what the peer's README, its example and its tests do.
"""

import importlib
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.crf import reference, samples

import deeplab.crf.pydensecrf.densecrf as dcrf
from deeplab.crf import DenseCRF
from deeplab.crf.pydensecrf import utils
from deeplab.crf.pydensecrf.utils import (
    compute_unary,
    create_pairwise_bilateral,
    create_pairwise_gaussian,
    softmax_to_unary,
    unary_from_labels,
    unary_from_softmax,
)

HEIGHT, WIDTH, LABELS = 30, 40, 4
NUM_PIXELS = HEIGHT * WIDTH
# What float32 sums over some iterations differ by; energies sum to some thousands.
ROUNDING = 3e-6
NORMALIZATIONS = [
    dcrf.NO_NORMALIZATION,
    dcrf.NORMALIZE_BEFORE,
    dcrf.NORMALIZE_AFTER,
    dcrf.NORMALIZE_SYMMETRIC,
]


def _unary() -> NDArray[np.float32]:
    return -samples.scores(LABELS, HEIGHT, WIDTH).reshape(LABELS, -1)


def _picture() -> NDArray[np.uint8]:
    return samples.picture(HEIGHT, WIDTH)


def _crf(module: Any = dcrf, unary: Any = None) -> Any:
    crf = module.DenseCRF2D(WIDTH, HEIGHT, LABELS)
    crf.setUnaryEnergy(_unary() if unary is None else unary)
    return crf


def _compatibility(kind: str, scale: float) -> Any:
    random = np.random.default_rng(0)
    match kind:
        case "number":
            return scale
        case "negative number":
            return -scale / 3
        case "vector":
            return (-scale * random.uniform(0.5, 1, LABELS)).astype(np.float32)
    return (-scale * random.normal(size=(LABELS, LABELS))).astype(np.float32)


def _program(module: Any, normalization: Any, kind: str) -> Any:
    """All three kinds of terms, with few defaults."""
    scale = 0.01 if normalization == dcrf.NO_NORMALIZATION else 1.0  # sums go up to 100 there
    crf = _crf(module)
    crf.addPairwiseGaussian(
        sxy=(3, 2), compat=_compatibility(kind, 3 * scale), normalization=normalization
    )
    crf.addPairwiseBilateral(
        sxy=40,
        srgb=(13, 12, 11),
        rgbim=_picture(),
        compat=_compatibility(kind, 4 * scale),
        kernel=module.FULL_KERNEL,
        normalization=normalization,
    )
    features = create_pairwise_bilateral((30, 20), 9, _picture()[..., 0])
    crf.addPairwiseEnergy(features, 2 * scale, module.CONST_KERNEL, normalization)
    return crf


@pytest.mark.parametrize("kind", ["number", "negative number", "vector", "matrix"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_it_gives_the_peer_s_numbers(normalization: Any, kind: str) -> None:
    peer = pytest.importorskip("pydensecrf.densecrf", reason="pydensecrf2 is not installed")
    theirs, ours = (_program(module, normalization, kind) for module in (peer, dcrf))
    np.testing.assert_allclose(ours.inference(5), np.array(theirs.inference(5)), atol=ROUNDING)
    (their_q, *their_rest), (our_q, *our_rest) = theirs.startInference(), ours.startInference()
    for _ in range(3):
        expected = theirs.klDivergence(their_q)
        assert ours.klDivergence(our_q) == pytest.approx(expected, rel=1e-5, abs=0.05)
        theirs.stepInference(their_q, *their_rest)
        ours.stepInference(our_q, *our_rest)
        np.testing.assert_allclose(our_q, np.array(their_q), atol=ROUNDING)


@pytest.mark.parametrize("kind", ["number", "vector", "matrix"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_it_gives_the_slow_reference_s_numbers(normalization: Any, kind: str) -> None:
    name = {0: "none", 1: "before", 2: "after", 3: "symmetric"}[int(normalization)]
    scale = 0.01 if name == "none" else 1.0
    compatibility = _compatibility(kind, 4 * scale)
    energy = {
        "number": -compatibility * np.eye(LABELS),
        "vector": np.diag(np.atleast_1d(compatibility)) if kind == "vector" else None,
        "matrix": (compatibility + np.transpose(compatibility)) / 2,
    }[kind]
    places = reference.pixel_features(HEIGHT, WIDTH, (40, 30), _picture(), (13, 13, 13))
    term = reference.Term(places, 1, energy, name)
    if name == "none":
        term.scale_out_N = np.ones(NUM_PIXELS)  # it divides by nothing at all
    expected = reference.mean_field(-_unary(), [term], 5)
    ours = _crf()
    ours.addPairwiseBilateral((40, 30), 13, _picture(), compatibility, normalization=normalization)
    np.testing.assert_allclose(ours.inference(5), expected, atol=ROUNDING)


def test_step_by_step_is_the_same_as_at_once() -> None:
    crf = _program(dcrf, dcrf.NORMALIZE_SYMMETRIC, "matrix")
    marginals, first, second = crf.startInference()
    divergences = []
    for _ in range(5):
        divergences.append(crf.klDivergence(marginals))
        crf.stepInference(marginals, first, second)
    np.testing.assert_allclose(marginals, crf.inference(5), atol=ROUNDING)
    assert len(set(divergences)) == 5


def test_mean_field_brings_the_divergence_down() -> None:
    crf = _crf()
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(sxy=80, srgb=13, rgbim=_picture(), compat=10)
    marginals, first, second = crf.startInference()
    before = crf.klDivergence(marginals)
    for _ in range(5):
        crf.stepInference(marginals, first, second)
    assert crf.klDivergence(marginals) < before


def test_the_readme_s_way_of_working_runs() -> None:
    picture = _picture()
    probabilities = reference.softmax(-_unary().astype(np.float64)).reshape(LABELS, HEIGHT, WIDTH)
    crf = dcrf.DenseCRF2D(WIDTH, HEIGHT, LABELS)
    crf.setUnaryEnergy(unary_from_softmax(probabilities))
    crf.addPairwiseGaussian(
        sxy=(3, 3), compat=3, kernel=dcrf.DIAG_KERNEL, normalization=dcrf.NORMALIZE_SYMMETRIC
    )
    crf.addPairwiseBilateral(
        sxy=(80, 80),
        srgb=(13, 13, 13),
        rgbim=picture,
        compat=10,
        kernel=dcrf.DIAG_KERNEL,
        normalization=dcrf.NORMALIZE_SYMMETRIC,
    )
    marginals = crf.inference(5)
    label_map = np.argmax(marginals, axis=0).reshape((HEIGHT, WIDTH))
    np.testing.assert_allclose(np.array(marginals).sum(axis=0), 1, atol=1e-6)
    assert np.array(marginals).shape == (LABELS, NUM_PIXELS)
    assert label_map.shape == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(crf.map(5), label_map.ravel())


def test_the_example_gives_the_same_with_features_as_with_a_picture() -> None:
    """Annotated pixels, unsure ones among them, refined by both ways the example has."""
    picture = _picture()
    annotation = np.argmin(_unary(), axis=0).reshape(HEIGHT, WIDTH) + 1
    annotation[:, ::3] = 0
    unary = unary_from_labels(annotation, LABELS, gt_prob=0.7, zero_unsure=True)
    in_two_dimensions = dcrf.DenseCRF2D(picture.shape[1], picture.shape[0], LABELS)
    in_two_dimensions.setUnaryEnergy(unary)
    in_two_dimensions.addPairwiseGaussian(sxy=(3, 3), compat=3)
    in_two_dimensions.addPairwiseBilateral(
        sxy=(80, 80), srgb=(13, 13, 13), rgbim=picture, compat=10
    )
    in_general = dcrf.DenseCRF(picture.shape[1] * picture.shape[0], LABELS)
    in_general.setUnaryEnergy(unary)
    features = create_pairwise_gaussian(sdims=(3, 3), shape=picture.shape[:2])
    in_general.addPairwiseEnergy(
        features, compat=3, kernel=dcrf.DIAG_KERNEL, normalization=dcrf.NORMALIZE_SYMMETRIC
    )
    features = create_pairwise_bilateral(sdims=(80, 80), schan=(13, 13, 13), img=picture, chdim=2)
    in_general.addPairwiseEnergy(
        features, compat=10, kernel=dcrf.DIAG_KERNEL, normalization=dcrf.NORMALIZE_SYMMETRIC
    )
    one, other = in_two_dimensions.inference(5), in_general.inference(5)
    # Features name rows first, `sxy` columns: so the lattices differ, if only a little.
    assert (one.argmax(axis=0) == other.argmax(axis=0)).mean() > 0.98


def test_in_deeplab_s_normalisation_it_is_our_crf() -> None:
    crf = _crf()
    crf.addPairwiseGaussian(1, 3, normalization=dcrf.NORMALIZE_AFTER)
    crf.addPairwiseBilateral(67, 3, _picture(), 4, normalization=dcrf.NORMALIZE_AFTER)
    expected = DenseCRF().refine(_picture(), samples.scores(LABELS, HEIGHT, WIDTH))
    np.testing.assert_array_equal(crf.inference(10), expected.reshape(LABELS, -1))


def test_energies_that_are_linear_in_features_are_taken_both_ways() -> None:
    random = np.random.default_rng(0)
    coefficients = random.normal(size=(LABELS, 3)).astype(np.float32)
    features = random.normal(size=(3, NUM_PIXELS)).astype(np.float32)
    expected = _crf(unary=coefficients @ features).inference(0)
    crf = dcrf.DenseCRF2D(WIDTH, HEIGHT, LABELS)
    crf.setUnary(dcrf.LogisticUnary(coefficients, features))
    np.testing.assert_array_equal(crf.inference(0), expected)
    crf.setUnaryEnergy(coefficients, features)
    np.testing.assert_array_equal(crf.inference(0), expected)
    crf.setUnary(dcrf.ConstUnary(coefficients @ features))
    np.testing.assert_array_equal(crf.inference(0), expected)


def test_without_energies_all_labels_are_as_probable() -> None:
    crf = dcrf.DenseCRF2D(WIDTH, HEIGHT, LABELS)
    np.testing.assert_array_equal(crf.inference(3), 1 / LABELS)
    marginals, first, second = crf.startInference()
    crf.stepInference(marginals, first, second)
    np.testing.assert_array_equal(marginals, 1 / LABELS)


def test_features_of_ten_dimensions_agree_with_the_slow_reference() -> None:
    features = np.random.default_rng(0).normal(0, 1, (10, 60)).astype(np.float32)
    scores = samples.scores(3, 6, 10)
    crf = dcrf.DenseCRF(60, 3)
    crf.setUnaryEnergy(-scores.reshape(3, -1))
    crf.addPairwiseEnergy(features, compat=2)
    expected = reference.mean_field(
        scores, [reference.Term(features, 2, normalization="symmetric")], 5
    )
    np.testing.assert_allclose(crf.inference(5), expected.reshape(3, -1), atol=ROUNDING)


@pytest.mark.parametrize(
    "change",
    [
        np.asfortranarray,
        lambda array: np.repeat(array, 2, axis=1)[:, ::2],
        lambda array: array.astype(np.float64),
        lambda array: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape),
        lambda array: array.tolist(),
    ],
    ids=["column-major", "strided", "float64", "read-only", "lists"],
)
def test_what_crashes_or_stops_the_peer_is_taken(change: Callable[[Any], Any]) -> None:
    def run(change: Callable[[Any], Any]) -> NDArray[np.float32]:
        crf = _crf(unary=change(_unary()))
        crf.addPairwiseBilateral((40, 30), 13, change(_picture()), 4)
        features = create_pairwise_gaussian((3, 2), (HEIGHT, WIDTH))
        crf.addPairwiseEnergy(change(features), change(_compatibility("matrix", 1)))
        marginals: NDArray[np.float32] = crf.inference(3)
        return marginals

    np.testing.assert_array_equal(run(change), run(lambda array: array))


def test_arrays_may_change_after_they_were_given() -> None:
    def run(is_changed: bool) -> NDArray[np.float32]:
        unary, picture = _unary(), _picture()
        features = create_pairwise_gaussian((3, 2), (HEIGHT, WIDTH))
        crf = _crf(unary=unary)
        crf.addPairwiseBilateral(40, 13, picture, 4)
        crf.addPairwiseEnergy(features, 2)
        if is_changed:
            unary[:] = picture[:] = features[:] = 0
        marginals: NDArray[np.float32] = crf.inference(3)
        return marginals

    np.testing.assert_array_equal(run(True), run(False))


def test_names_and_constants_are_the_peer_s() -> None:
    for name in ("densecrf", "utils"):
        theirs: Any = pytest.importorskip(f"pydensecrf.{name}", reason="pydensecrf2 not installed")
        ours = importlib.import_module(f"deeplab.crf.pydensecrf.{name}")
        public = {key for key in vars(theirs) if not key.startswith("_")}
        assert public - {"Number", "eigen", "np", "warning"} <= set(vars(ours))
        for key in public:
            if key.isupper():
                assert int(getattr(ours, key)) == int(getattr(theirs, key))


BAD_CALLS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda crf: crf.setUnaryEnergy(_unary().T), r"\(1200, 4\): give \(K, N\) = \(4, 1200\)"),
    (lambda crf: crf.setUnaryEnergy(_unary().reshape(LABELS, HEIGHT, WIDTH)), r"reshape\(len\(u"),
    (lambda crf: crf.setUnaryEnergy(_unary(), np.zeros((3, 5))), "L has a column for each row"),
    (lambda crf: crf.setUnary(_unary()), "give a ConstUnary or a LogisticUnary"),
    (lambda crf: crf.addPairwiseGaussian(0, 3), "sxy=0: give one positive standard deviation"),
    (lambda crf: crf.addPairwiseGaussian((3, 3, 3), 3), "or 2 of them"),
    (lambda crf: crf.addPairwiseGaussian("3px", 3), "sxy='3px': give one positive"),
    (lambda crf: crf.addPairwiseGaussian(np.nan, 3), "sxy=nan: give one positive"),
    (lambda crf: crf.addPairwiseGaussian(1e-9, 3), "addPairwiseGaussian: deviation 1e-09 of x"),
    (lambda crf: crf.addPairwiseGaussian(3, [1, 2]), r"compat of shape \(2,\): give a number"),
    (lambda crf: crf.addPairwiseGaussian(3, np.nan), "compat=nan: give finite"),
    (lambda crf: crf.addPairwiseGaussian(3, 3, normalization=7), "7 is not a valid"),
    (lambda crf: crf.addPairwiseGaussian(3, 3, kernel=7), "7 is not a valid KernelType"),
    (lambda crf: crf.addPairwiseBilateral(80, -1, _picture(), 3), "srgb=-1: .* or 3 of them"),
    (
        lambda crf: crf.addPairwiseBilateral(80, 13, _picture().swapaxes(0, 1), 3),
        r"rgbim of shape \(40, 30, 3\): give \(h, w, 3\) = \(30, 40, 3\)",
    ),
    (
        lambda crf: crf.addPairwiseBilateral(80, 13, _picture()[..., :1], 3),
        "use utils.create_pairwise_bilateral",
    ),
    (lambda crf: crf.addPairwiseBilateral(80, 13, _picture() / 255, 3), "not whole numbers from 0"),
    (lambda crf: crf.addPairwiseEnergy(np.zeros((2, 5)), 3), r"give \(D, 1200\), with 1 to 10"),
    (lambda crf: crf.addPairwiseEnergy(np.zeros((11, 1200)), 3), "with 1 to 10 features"),
    (lambda crf: crf.addPairwiseEnergy(np.full((2, 1200), np.nan), 3), "features hold NaN"),
    (lambda crf: crf.addPairwiseEnergy(np.full((2, 1200), 1e9), 3), "beyond 100000"),
    (lambda crf: crf.inference(-1), "niter=-1: give a whole number from 0"),
    (lambda crf: crf.inference(2.5), "niter=2.5"),
    (lambda crf: crf.stepInference(np.zeros((4, 5)), None, None), r"Q of shape \(4, 5\)"),
    (lambda crf: crf.stepInference(_unary().tolist(), None, None), "Q is not a float array"),
    (lambda crf: crf.klDivergence(np.zeros(5)), r"Q of shape \(5,\)"),
    (lambda crf: dcrf.DenseCRF(0, 3), "nvar=0: give a whole number from 1"),
    (lambda crf: dcrf.DenseCRF2D(5, 4, 2000), "nlabels=2000: give a whole number from 1 to 1024"),
    (lambda crf: dcrf.DenseCRF2D(5, "4", 2), "h='4'"),
    (lambda crf: unary_from_labels([1, 2], 3, 1.0), "gt_prob=1.0: give a probability"),
    (lambda crf: unary_from_labels([1, 4], 3, 0.5), r"labels for n_labels=3 lie in 0..3"),
    (lambda crf: unary_from_labels([3], 3, 0.5, zero_unsure=False), "lie in 0..2"),
    (lambda crf: unary_from_softmax(np.ones((2, 3)) / 2, scale=2), "scale=2: give a number above"),
    (lambda crf: create_pairwise_gaussian((3,), (4, 5)), "sdims has 1 .* for 2 axes"),
    (lambda crf: create_pairwise_bilateral((3, 3), (1, 2), _picture(), 2), "schan has 2 .* for 3"),
]


@pytest.mark.parametrize(("call", "message"), BAD_CALLS)
def test_calls_that_make_no_sense_say_so(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(_crf())


def test_energies_that_are_nan_are_refused() -> None:
    unary = _unary()
    unary[0, 100] = np.nan
    with pytest.raises(ValueError, match=r"minus the unary energy: .* NaN at label 0, row 2, col"):
        _crf(unary=unary)


def test_labels_become_probabilities_of_being_right() -> None:
    right, wrong, unsure = 0.8, 0.1, 1 / 3
    labels = np.array([[0, 1, 2], [3, 0, 1]], np.uint8)
    expected = np.array(
        [
            [unsure, right, wrong, wrong, unsure, right],
            [unsure, wrong, right, wrong, unsure, wrong],
            [unsure, wrong, wrong, right, unsure, wrong],
        ]
    )
    energies = unary_from_labels(labels, 3, right)
    assert energies.dtype == np.float32
    np.testing.assert_allclose(np.exp(-energies), expected, rtol=1e-6)
    without_unsure = unary_from_labels(labels[labels > 0] - 1, 3, right, zero_unsure=False)
    np.testing.assert_array_equal(without_unsure, energies[:, labels.ravel() > 0])


def test_probabilities_become_energies() -> None:
    probabilities = np.array([[[0.75, 0.0]], [[0.25, 1.0]]])
    energies = unary_from_softmax(probabilities)
    expected = -np.log([[0.75, 1e-5], [0.25, 1]])
    np.testing.assert_allclose(energies, expected, rtol=1e-6)
    np.testing.assert_array_equal(unary_from_softmax(probabilities, clip=None)[0, 1], np.inf)
    mixed = unary_from_softmax(probabilities, scale=0.5)
    np.testing.assert_allclose(np.exp(-mixed), [[0.625, 0.25], [0.375, 0.75]], rtol=1e-6)


def test_impossible_labels_stay_impossible() -> None:
    probabilities = np.full((LABELS, NUM_PIXELS), 1 / (LABELS - 1))
    probabilities[2] = 0
    crf = _crf(unary=unary_from_softmax(probabilities, clip=None))
    crf.addPairwiseGaussian(3, 3)
    assert (crf.inference(3)[2] == 0).all()
    assert np.isfinite(crf.klDivergence(crf.inference(3)))


def test_the_names_of_old_still_work_and_say_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(
            compute_unary([0, 1, 2], 2, GT_PROB=0.6), unary_from_labels([0, 1, 2], 2, 0.6)
        )
        probabilities = np.full((2, 3), 0.5)
        np.testing.assert_array_equal(
            softmax_to_unary(probabilities, 0.7), unary_from_softmax(probabilities, 0.7, clip=None)
        )
    assert caplog.text.count("is deprecated") == 2


@pytest.mark.parametrize("channel_axis", [0, 1, 2])
def test_features_are_places_and_values_over_their_deviations(channel_axis: int) -> None:
    picture = samples.picture(3, 4)
    moved = np.moveaxis(picture, 2, channel_axis)
    features = utils.create_pairwise_bilateral((2, 4), (1, 2, 5), moved, chdim=channel_axis)
    assert features.dtype == np.float32
    # The pixel in row 2, column 3 comes last.
    np.testing.assert_allclose(
        features[:, -1], [2 / 2, 3 / 4, *(picture[2, 3] / [1, 2, 5])], rtol=1e-6
    )
    np.testing.assert_array_equal(features[:2], create_pairwise_gaussian((2, 4), (3, 4)))
