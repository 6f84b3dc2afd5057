"""The CRF as users hold it: what mean field must do, agreement with the slow reference, batches.

Float32 sums over ten iterations are off by some 1e-7 from the reference's float64 ones; where
labels are near a tie, mean field makes ten to a hundred times as much of it.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.crf import reference, samples

from deeplab import imaging
from deeplab.crf import Bilateral, DenseCRF, Spatial
from deeplab.crf.engine import _kernel

NORMALIZATIONS = ["after", "symmetric", "before", "none"]
ROUNDING = 1e-5
CRF = DenseCRF(threads=1)
HEIGHT, WIDTH, LABELS = 60, 80, 5


def _slow_refine(
    crf: DenseCRF, picture: NDArray[np.uint8], scores: NDArray[np.float32]
) -> NDArray[np.float64]:
    """What `refine` shall give, of the numpy lattice."""
    height, width, channels = picture.shape
    energy = None if crf.compatibility is None else np.array(crf.compatibility)
    terms = []
    for kernel in (crf.spatial, crf.bilateral):
        assert isinstance(kernel, Spatial | Bilateral)
        deviations = kernel.deviations(channels)
        colours = deviations[2:]
        places = reference.pixel_features(
            height, width, deviations[:2], picture if colours else None, colours
        )
        dilated = crf.accuracy == "dilated"
        terms.append(
            reference.Term(places, kernel.weight, energy, crf.normalization, dilated=dilated)
        )
    return reference.mean_field(scores, terms, crf.iterations)


def _assert_same(crf: DenseCRF, picture: NDArray[np.uint8], scores: NDArray[np.float32]) -> None:
    expected = _slow_refine(crf, picture, scores)
    refined = crf.refine(picture, scores)
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined, expected, atol=ROUNDING)
    _assert_best(crf.labels(picture, scores), expected)


def _assert_best(labels: NDArray[Any], marginals: NDArray[Any]) -> None:
    """Labels are the best ones; ties within rounding may go either way."""
    chosen = np.take_along_axis(marginals, labels[np.newaxis].astype(np.intp), axis=0)[0]
    assert (chosen >= marginals.max(axis=0) - ROUNDING).all()


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("accuracy", ["lattice", "dilated"])
def test_it_agrees_with_the_slow_reference(normalization: Any, accuracy: Any) -> None:
    crf = replace(DenseCRF.preset("vgg16-largefov"), normalization=normalization, accuracy=accuracy)
    _assert_same(crf, samples.picture(36, 48), samples.scores(5, 36, 48))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_penalties_agree_with_the_slow_reference(normalization: Any) -> None:
    penalties = np.random.default_rng(0).uniform(0, 1, (LABELS, LABELS))  # not symmetric either
    crf = DenseCRF(normalization=normalization, compatibility=penalties)
    _assert_same(crf, samples.picture(36, 48), samples.scores(5, 36, 48))


@pytest.mark.parametrize("variant", _kernel.variants())
def test_every_variant_agrees_with_the_slow_reference(variant: Any) -> None:
    _assert_same(replace(CRF, variant=variant), samples.picture(), samples.scores(21))


@pytest.mark.parametrize("channels", [1, 2, 4, 8])
def test_pictures_of_other_channels_agree_with_the_slow_reference(channels: int) -> None:
    crf = DenseCRF(Bilateral(4, 30, tuple(np.linspace(10, 20, channels))))
    _assert_same(crf, samples.picture(24, 30, channels), samples.scores(3, 24, 30))


def test_deviations_may_differ_along_x_and_y() -> None:
    crf = DenseCRF(Bilateral(4, (60, 20), (5, 10, 15)), Spatial(3, (4, 1)))
    _assert_same(crf, samples.picture(), samples.scores())


SHAPES = [(1, 1, 1), (1, 1, 40), (1, 37, 2), (50, 1, 3), (7, 5, 1), (33, 65, 17), (90, 31, 40)]


@pytest.mark.parametrize(("height", "width", "labels"), SHAPES)
def test_any_shape_agrees_with_the_slow_reference(height: int, width: int, labels: int) -> None:
    scores = samples.scores(labels, height, width)
    _assert_same(DenseCRF(), samples.picture(height, width), scores)


@pytest.mark.parametrize("labels", [2, 4, 5, 8, 9])
def test_rows_that_become_four_wide_agree_with_the_slow_reference(labels: int) -> None:
    scores = samples.scores(labels)
    scores[2:] -= 40  # so that two labels are left
    _assert_same(DenseCRF(), samples.picture(), scores)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_random_shapes_agree_with_the_slow_reference(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width, labels = (int(random.integers(1, most + 1)) for most in (200, 300, 40))
    crf = DenseCRF(
        Bilateral(random.uniform(0, 6), random.uniform(5, 150), random.uniform(2, 40)),
        Spatial(random.uniform(0, 4), random.uniform(0.5, 5)),
        iterations=int(random.integers(0, 12)),
        normalization=NORMALIZATIONS[seed % 3],  # type: ignore[arg-type]
        accuracy="dilated" if seed % 4 == 0 else "lattice",
        threads=1 + seed % 3,
    )
    _assert_same(crf, samples.picture(height, width), samples.scores(labels, height, width))


def test_several_kernels_of_each_kind_add_up() -> None:
    parts = DenseCRF(
        (Bilateral(1, 67, 3), Bilateral(3, 67, 3)), (Spatial(2, 1), Spatial(0, 9), Spatial(1, 1))
    )
    picture, scores = samples.picture(), samples.scores()
    np.testing.assert_allclose(
        parts.refine(picture, scores), CRF.refine(picture, scores), atol=ROUNDING
    )


@pytest.mark.parametrize("accuracy", ["lattice", "exact"])
@pytest.mark.parametrize(
    "crf",
    [
        DenseCRF(Bilateral(0, 67, 3), Spatial(0, 1)),
        DenseCRF(bilateral=(), spatial=()),
        DenseCRF(iterations=0),
    ],
    ids=["weights 0", "no kernels", "no iterations"],
)
def test_without_messages_it_is_a_softmax(crf: DenseCRF, accuracy: Any) -> None:
    scores = samples.scores(6, 12, 17)
    refined = replace(crf, accuracy=accuracy).refine(samples.picture(12, 17), scores)
    expected = reference.softmax(scores.reshape(6, -1).astype(np.float64)).reshape(scores.shape)
    np.testing.assert_allclose(refined, expected, atol=1e-6)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_permuted_labels_give_permuted_marginals(normalization: Any) -> None:
    crf = replace(CRF, normalization=normalization)
    order = np.random.default_rng(0).permutation(21)
    picture, scores = samples.picture(), samples.scores(21)
    np.testing.assert_allclose(
        crf.refine(picture, scores[order]), crf.refine(picture, scores)[order], atol=ROUNDING
    )


def test_a_constant_added_to_all_scores_of_a_pixel_changes_nothing() -> None:
    # Whole numbers, and scores with few digits, so that adding is exact.
    scores = np.round(samples.scores() * 64) / 64
    added = scores + np.random.default_rng(0).integers(-50, 50, (HEIGHT, WIDTH))
    picture = samples.picture()
    np.testing.assert_array_equal(
        CRF.refine(picture, added.astype(np.float32)), CRF.refine(picture, scores)
    )


def test_mirrored_labels_of_a_mirrored_picture_are_the_same() -> None:
    # Only nearly: the lattice does not lie symmetrically in the picture.
    picture, scores = samples.picture(), samples.scores()
    mirrored = CRF.labels(picture[:, ::-1], scores[..., ::-1])[:, ::-1]
    assert (mirrored == CRF.labels(picture, scores)).mean() > 0.98


@pytest.mark.parametrize("num_labels", [1, 5, 21])
def test_the_number_of_threads_changes_next_to_nothing(num_labels: int) -> None:
    picture, scores = samples.picture(120, 150), samples.scores(num_labels, 120, 150)
    expected, labels = CRF.refine(picture, scores), CRF.labels(picture, scores)
    for threads in (2, 5):
        crf = replace(CRF, threads=threads)
        np.testing.assert_allclose(crf.refine(picture, scores), expected, atol=1e-6)
        np.testing.assert_array_equal(crf.labels(picture, scores), labels)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_number_of_threads_gives_the_same_bits(threads: int) -> None:
    crf = replace(CRF, threads=threads)
    picture, scores = samples.picture(120, 150), samples.scores(21, 120, 150)
    first = crf.refine(picture, scores)
    for _ in range(3):
        np.testing.assert_array_equal(crf.refine(picture, scores), first)


def test_what_ran_before_leaves_no_trace() -> None:
    picture, scores = samples.picture(), samples.scores()
    expected = CRF.refine(picture, scores)
    CRF.refine(samples.picture(90, 40)[::-1], samples.scores(21, 90, 40))
    replace(CRF, normalization="none", accuracy="dilated").refine(picture, scores)
    CRF.refine(samples.picture()[::-1], scores)
    np.testing.assert_array_equal(CRF.refine(picture, scores), expected)


def test_one_crf_serves_several_threads() -> None:
    pictures = [samples.picture(30 + number, 40) for number in range(8)]
    values = [samples.scores(4, 30 + number, 40, seed=number) for number in range(8)]
    expected = [CRF.refine(*one) for one in zip(pictures, values, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for refined, alone in zip(pool.map(CRF.refine, pictures, values), expected, strict=True):
            np.testing.assert_array_equal(refined, alone)


def _scores_of_few_labels(contrast: float, seed: int) -> NDArray[np.float32]:
    """21 labels, of which mean field leaves five: the others are `contrast` below them."""
    scores = samples.scores(21, seed=seed)
    scores[5:] = scores[5:] * 0.3 - contrast
    return scores


@pytest.mark.parametrize(("contrast", "seed"), [(8, 1), (9, 1)])
def test_labels_that_vanish_on_the_way_are_left_out_unnoticed(contrast: float, seed: int) -> None:
    crf = replace(CRF, bilateral=Bilateral(4, 30, 10))
    _assert_same(crf, samples.picture(), _scores_of_few_labels(contrast, seed))


@pytest.mark.parametrize(("contrast", "seed"), [(4, 0), (4, 1), (6, 0)])
def test_half_changes_little_and_no_label(contrast: float, seed: int) -> None:
    picture, scores = samples.picture(), _scores_of_few_labels(contrast, seed)
    crf = replace(CRF, bilateral=Bilateral(4, 30, 10))
    expected = crf.refine(picture, scores)
    half = replace(crf, precision="half").refine(picture, scores)
    # Measured here: 2.5e-4, 1.9e-4 and 7e-6 at most.
    assert 0 < np.abs(half - expected).max() < 1e-3
    assert (half.argmax(axis=0) == expected.argmax(axis=0)).all()


def test_a_tolerance_that_everything_meets_stops_after_one_iteration() -> None:
    picture, scores = samples.picture(), samples.scores() * np.float32(0.01)
    stopped = replace(CRF, tolerance=0.9).refine(picture, scores)
    np.testing.assert_array_equal(stopped, replace(CRF, iterations=1).refine(picture, scores))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_tolerance_stops_at_the_first_iteration_that_changes_no_more(threads: int) -> None:
    picture, scores = samples.picture(), samples.scores()
    steps = [replace(CRF, iterations=count).refine(picture, scores) for count in range(50)]
    changes = [float(np.abs(steps[n] - steps[n - 1]).max()) for n in range(1, 50)]
    tolerance = 0.1
    first = next(n for n, change in enumerate(changes, start=1) if change <= tolerance)
    assert 1 < first < 49
    crf = replace(CRF, iterations=100, tolerance=tolerance, threads=threads)
    np.testing.assert_allclose(crf.refine(picture, scores), steps[first], atol=1e-6)
    np.testing.assert_array_equal(crf.labels(picture, scores), steps[first].argmax(axis=0))


@pytest.mark.parametrize("accuracy", ["lattice", "exact"])
@pytest.mark.parametrize("grid", [(8, 11), (1, 1), (1, 11), (29, 40), (70, 90)])
def test_scores_on_a_grid_are_upsampled_corners_on_corners(
    grid: tuple[int, int], accuracy: Any
) -> None:
    crf = replace(CRF, accuracy=accuracy)
    picture, coarse = samples.picture(29, 40), samples.scores(4, *grid)
    rows, columns = np.linspace(0, grid[0] - 1, 29), np.linspace(0, grid[1] - 1, 40)
    first = imaging.sample_scores(coarse, rows, columns)
    np.testing.assert_allclose(
        # Weights of the upsampling are rounded differently, at scores of up to about 8.
        crf.refine(picture, coarse, size=(29, 40)),
        crf.refine(picture, first),
        atol=2e-5,
    )


def test_labels_are_those_of_the_marginals() -> None:
    for num_labels, dtype in ((1, np.uint8), (21, np.uint8), (256, np.uint8), (257, np.int32)):
        picture, scores = samples.picture(20, 30), samples.scores(num_labels, 20, 30)
        labels = CRF.labels(picture, scores)
        assert labels.dtype == dtype
        _assert_best(labels, CRF.refine(picture, scores))


@pytest.mark.parametrize("accuracy", ["lattice", "exact"])
def test_of_equal_labels_the_first_wins(accuracy: Any) -> None:
    labels = replace(CRF, accuracy=accuracy).labels(samples.picture(9, 9), np.zeros((4, 9, 9)))
    assert (labels == 0).all()


@pytest.mark.parametrize("accuracy", ["lattice", "exact"])
def test_present_labels_are_refined_among_themselves(accuracy: Any) -> None:
    crf = replace(CRF, accuracy=accuracy)
    picture, scores = samples.picture(20, 30), samples.scores(6, 20, 30)
    scores[[0, 3]] -= 100  # nowhere the best
    present = [1, 2, 4, 5]
    refined = crf.refine(picture, scores, labels="present")
    assert (refined[[0, 3]] == 0).all()
    np.testing.assert_array_equal(refined[present], crf.refine(picture, scores[present]))
    np.testing.assert_array_equal(
        crf.labels(picture, scores, labels="present"),
        np.array(present)[crf.labels(picture, scores[present])],
    )


def test_present_labels_keep_their_penalties() -> None:
    penalties = np.random.default_rng(0).uniform(0, 1, (3, 3))
    picture, scores = samples.picture(20, 30), samples.scores(3, 20, 30)
    scores[1] -= 100
    few = replace(CRF, compatibility=penalties[::2, ::2]).refine(picture, scores[::2])
    all_of_them = replace(CRF, compatibility=penalties)
    refined = all_of_them.refine(picture, scores, labels="present")
    np.testing.assert_array_equal(refined[::2], few)


def test_if_all_labels_are_present_choosing_them_changes_nothing() -> None:
    picture, scores = samples.picture(), samples.scores()
    np.testing.assert_array_equal(
        CRF.refine(picture, scores, labels="present"), CRF.refine(picture, scores)
    )


def _some(count: int) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.float32]]]:
    sizes = [(20 + 3 * number, 30) for number in range(count)]
    values = [samples.scores(3, *size, seed=number) for number, size in enumerate(sizes)]
    return [samples.picture(*size) for size in sizes], values


@pytest.mark.parametrize(("count", "threads"), [(1, 3), (2, 3), (3, 3), (5, 2), (0, 2)])
def test_a_batch_gives_what_its_pictures_give_alone(count: int, threads: int) -> None:
    crf = replace(CRF, threads=threads)
    pictures, values = _some(count)
    refined, labels = crf.refine(pictures, values), crf.labels(tuple(pictures), values)
    assert isinstance(refined, list)
    assert len(refined) == len(labels) == count
    for number in range(count):
        alone = CRF.refine(pictures[number], values[number])
        np.testing.assert_allclose(refined[number], alone, atol=1e-6)
        np.testing.assert_array_equal(labels[number], CRF.labels(pictures[number], values[number]))


def test_arrays_with_one_more_axis_are_batches() -> None:
    pictures = np.stack([samples.picture(20, 30), samples.picture(20, 30)[::-1]])
    values = np.stack([samples.scores(3, 20, 30, seed=seed) for seed in (0, 1)])
    refined = CRF.refine(pictures, values)
    assert refined.shape == (2, 3, 20, 30)
    np.testing.assert_array_equal(refined[1], CRF.refine(pictures[1], values[1]))
    grey = CRF.labels(pictures[..., 0], values)
    assert grey.shape == (2, 20, 30)
    np.testing.assert_array_equal(grey[0], CRF.labels(pictures[0, ..., 0], values[0]))


def test_a_batch_on_grids_takes_one_size_or_one_for_each() -> None:
    pictures, _ = _some(2)
    values = [samples.scores(3, 5, 7, seed=seed) for seed in (0, 1)]
    sizes = [picture.shape[:2] for picture in pictures]
    refined = CRF.refine(pictures, values, size=sizes)
    for number in range(2):
        alone = CRF.refine(pictures[number], values[number], size=sizes[number])
        np.testing.assert_array_equal(refined[number], alone)
    again = CRF.refine([pictures[0]] * 2, values, size=sizes[0])
    np.testing.assert_array_equal(again[0], refined[0])


def test_batches_that_do_not_fit_together_are_refused() -> None:
    pictures, values = _some(3)
    with pytest.raises(ValueError, match="3 pictures with 2 scores: give one array of scores for"):
        CRF.refine(pictures, values[:2])
    with pytest.raises(ValueError, match="2 sizes for 3 pictures"):
        CRF.refine(pictures, values, size=[(20, 30), (23, 30)])
    with pytest.raises(ValueError, match="a batch is a list, or an array with one axis more"):
        CRF.refine(pictures, values[0])
    with pytest.raises(ValueError, match="an empty batch"):
        CRF.refine(np.zeros((0, 20, 30, 3), np.uint8), np.zeros((0, 3, 20, 30), np.float32))


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_names_the_picture_of_the_batch(threads: int) -> None:
    pictures, values = _some(3)
    values[1] = values[1][:, :-1]
    with pytest.raises(ValueError, match=r"picture 1 of the batch: scores of shape \(3, 22, 30\)"):
        replace(CRF, threads=threads).refine(pictures, values)


def test_parameters_survive_json() -> None:
    crf = DenseCRF(
        bilateral=(Bilateral(4, (67, 50), (3, 4, 5)), Bilateral(1, 20, 10)),
        spatial=(),
        iterations=7,
        normalization="symmetric",
        compatibility=[[0, 1.5], [1.5, 0]],
        accuracy="dilated",
        precision="half",
        tolerance=0.01,
        threads=3,
        variant="baseline",
    )
    for one in (crf, DenseCRF()):
        assert DenseCRF.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert hash(crf) == hash(replace(crf))


def test_parameters_that_are_left_out_keep_their_defaults() -> None:
    assert DenseCRF.from_dict({}) == DenseCRF()
    kernels = {"bilateral": {"weight": 4, "xy": 50, "rgb": [3, 3, 3]}, "spatial": []}
    assert DenseCRF.from_dict(kernels) == DenseCRF(Bilateral(4, 50, (3, 3, 3)), ())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"iteratons": 5}, r"CRF has no parameter 'iteratons' \(did you mean 'iterations'\?\)"),
        ({"bilateral": {"wieght": 1}}, r"no parameter 'wieght' \(did you mean 'weight'\?\)"),
        ({"bilateral": {"weight": 1, "xy": 2}}, "bilateral: rgb missing; give the keys weight, xy"),
        ({"spatial": 3}, "spatial=3: give the keys weight, xy, or a list"),
        ({"spatial": [3]}, "spatial=3: give the keys"),
    ],
)
def test_mappings_that_are_no_crf_are_refused(parameters: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DenseCRF.from_dict(parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bilateral": Spatial(3, 1)}, "give a Bilateral, several in a tuple, or"),
        ({"spatial": 3}, "spatial=3: give a Spatial"),
        ({"spatial": (Spatial(1, 1),) * 17}, "18 kernels: give at most 16"),
        ({"iterations": -1}, "iterations=-1: give a whole number from 0 to 10000"),
        ({"iterations": 2.0}, "iterations=2.0: give a whole number"),
        ({"iterations": True}, "iterations=True"),
        ({"normalization": "aftr"}, r"normalization='aftr' \(did you mean 'after'\?\); give one"),
        ({"accuracy": "high"}, "accuracy='high'; give one of lattice, dilated, exact"),
        ({"precision": "float16"}, "precision='float16'.* float32, half"),
        ({"variant": "sse"}, "variant='sse'.*give one of None, avx512"),
        ({"tolerance": -1}, "tolerance=-1: give a number from 0"),
        ({"tolerance": 1}, "tolerance=1"),
        ({"tolerance": "low"}, "tolerance='low'"),
        ({"threads": 0}, "threads=0: give a whole number from 1 to 256"),
        ({"compatibility": [[0, 1]]}, r"compatibility of shape \(1, 2\): give a \(K, K\) matrix"),
        ({"compatibility": [[0, 1], [1]]}, "give penalties as a"),
        ({"compatibility": [[float("nan")]]}, "holds NaN, or values beyond"),
        ({"accuracy": "exact", "precision": "half"}, "float64 .* leave precision and variant out"),
        ({"accuracy": "exact", "variant": "avx2"}, "leave precision and variant out"),
    ],
)
def test_parameters_that_make_no_crf_are_refused(parameters: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DenseCRF(**parameters)


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'vgg16-asp' \(did you mean 'vgg16-aspp'\?\); there are"):
        DenseCRF.preset("vgg16-asp")


def test_real_photos_agree_with_pydensecrf(real_scores: list[samples.Sample]) -> None:
    peer = pytest.importorskip("pydensecrf.densecrf", reason="pydensecrf2 is not installed")
    kinds = {"after": peer.NORMALIZE_AFTER, "symmetric": peer.NORMALIZE_SYMMETRIC}
    for picture, scores in real_scores:
        for normalization, kind in kinds.items():
            num_labels, height, width = scores.shape
            theirs = peer.DenseCRF2D(width, height, num_labels)
            theirs.setUnaryEnergy(-scores.reshape(num_labels, -1))
            theirs.addPairwiseGaussian(1, compat=3, normalization=kind)
            theirs.addPairwiseBilateral(67, 3, picture, compat=4, normalization=kind)
            expected = np.array(theirs.inference(10)).reshape(scores.shape)
            ours = DenseCRF(normalization=normalization)  # type: ignore[arg-type]
            difference = np.abs(ours.refine(picture, scores) - expected)
            assert difference.mean() < 1e-6
            # One of these pictures has a pixel that grows rounding a thousandfold: there the peer
            # differs by 6e-5 from sums in float64, and by up to 1e-4 from us.
            assert difference.max() < 1e-3
            np.testing.assert_array_equal(
                ours.labels(picture, scores), expected.argmax(axis=0).astype(np.uint8)
            )


@pytest.mark.slow
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_real_photos_agree_with_the_slow_reference(
    real_scores: list[samples.Sample], normalization: Any
) -> None:
    crf = DenseCRF(normalization=normalization)
    for picture, scores in real_scores:
        difference = np.abs(crf.refine(picture, scores) - _slow_refine(crf, picture, scores))
        assert difference.mean() < 1e-6
        assert difference.max() < 1e-3  # see above
