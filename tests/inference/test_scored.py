import numpy as np
import pytest

from deeplab import imaging
from deeplab.crf import Bilateral, DenseCRF, Spatial
from deeplab.inference import ScoredPicture, label_picture
from deeplab.inference.score_files import describe_classes

CARD = describe_classes(3)
EXACT = DenseCRF(Bilateral(4, 8, 20), Spatial(3, 2), iterations=3, accuracy="exact")


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def scored(height=20, width=28, *, stride=4, shrunk_to=None, seed=1) -> ScoredPicture:
    """A picture of noise with noisy scores, one every `stride` pixels of what was scored."""
    picture = noise(height, width)
    seen = picture if shrunk_to is None else imaging.shrink_picture(picture, shrunk_to)
    rows, columns = (-(-length // stride) for length in seen.shape[:2])
    scores = np.random.default_rng(seed).normal(scale=2, size=(3, rows, columns))
    steps = (1 / stride, 1 / stride)
    return ScoredPicture.place(picture, seen, scores.astype(np.float32), grid_steps=steps)


def test_the_crf_sees_the_upsampled_scores_at_the_size_of_the_picture():
    example = scored()
    result = label_picture(example, CARD, EXACT)
    expected = EXACT.refine(example.picture, example.grid.whole())
    np.testing.assert_array_equal(result.probabilities(), expected)
    np.testing.assert_array_equal(result.labels, expected.argmax(axis=0))
    np.testing.assert_array_equal(result.confidence, expected.max(axis=0))


def test_the_crf_changes_labels_and_the_result_remembers_what_they_were():
    example = scored()
    plain, refined = label_picture(example, CARD), label_picture(example, CARD, EXACT)
    assert (plain.labels != refined.labels).any()
    before = refined.without_crf()
    np.testing.assert_array_equal(before.labels, plain.labels)
    np.testing.assert_array_equal(before.confidence, plain.confidence)
    np.testing.assert_array_equal(before.probabilities(), plain.probabilities())


def test_a_result_without_a_crf_has_nothing_to_leave_out():
    with pytest.raises(ValueError, match="made without a CRF"):
        label_picture(scored(), CARD).without_crf()


def test_a_crf_without_kernels_changes_nothing():
    example = scored()
    nothing = DenseCRF(bilateral=(), spatial=(), accuracy="exact")
    plain, refined = label_picture(example, CARD), label_picture(example, CARD, nothing)
    np.testing.assert_array_equal(refined.labels, plain.labels)
    np.testing.assert_allclose(refined.probabilities(), plain.probabilities(), atol=1e-6)  # float32


def test_a_large_picture_is_refined_at_the_size_that_was_scored():
    example = scored(60, 84, shrunk_to=28)
    assert example.seen.shape == (20, 28, 3)
    refined = example.refine(EXACT)
    assert refined.scores.shape == (3, 20, 28)
    result = label_picture(example, CARD, EXACT)
    assert result.labels.shape == result.confidence.shape == (60, 84)
    assert result.probabilities().shape == (3, 60, 84)
    # Every pixel of the small picture stands in the middle of 3x3 pixels of the large one.
    middle = result.probabilities()[:, 1::3, 1::3]
    np.testing.assert_allclose(middle, refined.scores, atol=1e-6)  # float32


def test_marginals_of_a_large_picture_add_up_to_one():
    result = label_picture(scored(60, 84, shrunk_to=28), CARD, EXACT)
    np.testing.assert_allclose(result.probabilities().sum(axis=0), 1, atol=1e-5)  # float32


@pytest.mark.parametrize("shrunk_to", [None, 14])
def test_labels_of_several_crfs_are_those_of_each(shrunk_to):
    example = scored(shrunk_to=shrunk_to)
    other = DenseCRF(Bilateral(1, 3, 30), Spatial(1, 1), iterations=2, accuracy="exact")
    found = list(example.labels_of([EXACT, other]))
    for labels, crf in zip(found, (EXACT, other), strict=True):
        np.testing.assert_array_equal(labels, label_picture(example, CARD, crf).labels)


def test_scores_in_16_bits_give_nearly_the_same_marginals():
    example = scored()
    short = example.compact()
    assert short.grid.scores.dtype == np.float16
    difference = short.refine(EXACT).scores - example.refine(EXACT).scores
    assert np.abs(difference).max() < 5e-3  # scores of up to 10 are kept to 0.004


def test_probabilities_are_refined_as_their_logarithms_are():
    example = scored(stride=1)
    exponentials = np.exp(example.grid.scores)
    probabilities = exponentials / exponentials.sum(axis=0)
    other = ScoredPicture.place(
        example.picture,
        example.seen,
        probabilities,
        grid_steps=(1, 1),
        are_probabilities=True,
    )
    np.testing.assert_allclose(
        other.refine(EXACT).scores,
        example.refine(EXACT).scores,
        atol=1e-5,  # float32
    )


def test_probability_zero_is_no_trouble():
    values = np.zeros((3, 20, 28), np.float32)
    values[0] = 1
    example = ScoredPicture.place(
        noise(20, 28), noise(20, 28), values, grid_steps=(1, 1), are_probabilities=True
    )
    np.testing.assert_allclose(example.refine(EXACT).scores, values, atol=1e-12)


def test_a_crf_labels_more_than_255_classes():
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (12, 9, 3), dtype=np.uint8)
    scores = random.normal(size=(300, 12, 9)).astype(np.float32)
    scores[299] += 5
    scored = ScoredPicture.place(picture, picture, scores, grid_steps=(1.0, 1.0))
    crf = DenseCRF(threads=1)
    (labels,) = scored.labels_of([crf])
    assert labels.dtype == np.uint16
    assert np.array_equal(labels, scored.refine(crf).label()[0])
    assert (labels == 299).mean() > 0.9
