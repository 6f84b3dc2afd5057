"""What the engine leaves out for speed, against the slow reference that leaves out nothing."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.crf import reference

from deeplab.crf import Bilateral, DenseCRF, Spatial, engine

HEIGHT, WIDTH = 36, 50


def smooth(rng: np.random.Generator, contrast: float) -> NDArray[np.float32]:
    coarse = rng.normal(0, contrast, (4, 5)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def colours(rng: np.random.Generator) -> NDArray[np.uint8]:
    coarse = Image.fromarray(rng.integers(0, 255, (5, 7, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def class_scores(rng: np.random.Generator, num_labels: int, lead: float) -> NDArray[np.float32]:
    """Scores of which 4 labels stand out by `lead`."""
    scores = np.stack([smooth(rng, 2) for _ in range(num_labels)])
    scores[:4] += lead
    return scores + rng.normal(0, 0.5, scores.shape).astype(np.float32)


def marginals_by_reference(
    picture: NDArray[np.uint8], scores: NDArray[np.float32]
) -> NDArray[np.float64]:
    xy, rgb, spatial_xy = (30.0, 30.0), (20.0, 20.0, 20.0), (2.0, 2.0)
    bilateral = reference.pixel_features(HEIGHT, WIDTH, xy, picture, rgb)
    spatial = reference.pixel_features(HEIGHT, WIDTH, spatial_xy)
    terms = [reference.Term(bilateral, 6.0), reference.Term(spatial, 4.0)]
    return reference.mean_field(scores, terms, 10)


# How far the other labels are behind decides how many of them the engine holds in its lattice.
@pytest.mark.parametrize("lead", [0.0, 4.0, 8.0, 12.0, 16.0])
@pytest.mark.parametrize("num_labels", [9, 17, 25, 40])
def test_labels_left_out_change_no_marginal(num_labels: int, lead: float) -> None:
    rng = np.random.default_rng(num_labels)
    picture, scores = colours(rng), class_scores(rng, num_labels, lead)
    crf = DenseCRF(bilateral=Bilateral(6, 30, 20), spatial=Spatial(4, 2))
    # float32 against float64: pixels between two labels amplify rounding errors
    np.testing.assert_allclose(
        crf.refine(picture, scores), marginals_by_reference(picture, scores), rtol=0, atol=2e-5
    )


@pytest.mark.parametrize("height", [6.0, 12.0, 18.0])
def test_a_faint_label_with_one_certain_spot_spreads_as_it_should(height: float) -> None:
    rng = np.random.default_rng(3)
    picture, scores = colours(rng), class_scores(rng, 24, 9.0)
    scores[23, 12:16, 20:26] += 9 + height
    crf = DenseCRF(bilateral=Bilateral(6, 30, 20), spatial=Spatial(4, 2))
    np.testing.assert_allclose(
        crf.refine(picture, scores), marginals_by_reference(picture, scores), rtol=0, atol=2e-5
    )


def test_a_tolerance_without_marginals_stops_where_one_with_marginals_does() -> None:
    rng = np.random.default_rng(4)
    picture, scores = colours(rng), class_scores(rng, 12, 3.0)
    crf = DenseCRF(bilateral=Bilateral(6, 30, 20), spatial=Spatial(4, 2), tolerance=1e-3)
    wanted = crf.refine(picture, scores).argmax(axis=0)
    for _ in range(2):  # the second call finds the first one's memory
        np.testing.assert_array_equal(crf.labels(picture, scores), wanted)


def test_misaligned_scores_give_what_aligned_ones_give() -> None:
    rng = np.random.default_rng(5)
    picture, scores = colours(rng), class_scores(rng, 3, 1.0)
    buffer = np.zeros(scores.nbytes + 1, np.uint8)
    misaligned = buffer[1:].view(np.float32).reshape(scores.shape)
    misaligned[:] = scores
    assert not misaligned.flags.aligned
    crf = DenseCRF()
    np.testing.assert_array_equal(crf.refine(picture, misaligned), crf.refine(picture, scores))


def test_a_lattice_is_kept_for_the_same_picture_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(6)
    picture, scores = colours(rng), class_scores(rng, 5, 1.0)
    other = picture.copy()
    other[-1, -1, -1] ^= 128  # the very last value of the picture
    crf = DenseCRF(bilateral=Bilateral(6, 30, 20), spatial=Spatial(4, 2))
    stronger = replace(crf, bilateral=Bilateral(9, 30, 20))
    wider = replace(crf, bilateral=Bilateral(6, 31, 20))
    kinder = replace(crf, normalization="symmetric")
    dilated = replace(crf, accuracy="dilated")
    calls = [
        (crf, picture),
        (stronger, picture),
        (crf, other),
        (crf, picture),
        (kinder, picture),
        (wider, picture),
        (dilated, picture),
        (crf, picture),
    ]
    monkeypatch.setattr(engine, "_kept", [])
    after_one_another = [one.refine(seen, scores) for one, seen in calls]
    for (one, seen), found in zip(calls, after_one_another, strict=True):
        engine._kept.clear()  # nothing to be taken over
        np.testing.assert_array_equal(found, one.refine(seen, scores))
