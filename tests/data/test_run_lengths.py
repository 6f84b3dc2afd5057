import numpy as np
import pytest
from pycocotools import mask as coco_mask
from tests.data.annotation_files import coco_runs

from deeplab.data.run_lengths import mask_of_columns, runs_to_mask, uncompress


def test_runs_have_to_cover_all_pixels():
    counts = np.array([1, 2, 3])
    mask = runs_to_mask(counts, 6, "here")
    assert mask.tolist() == [False, True, True, False, False, False]
    with pytest.raises(ValueError, match="sum up to 6, not to 7"):
        runs_to_mask(counts, 7, "here")
    with pytest.raises(ValueError, match="run lengths"):
        runs_to_mask(np.array([7, -1]), 6, "here")


@pytest.mark.parametrize("seed", range(5))
def test_compressed_run_lengths_are_those_that_pycocotools_writes(seed):
    big = np.random.default_rng(seed).random((90, 70)) < np.random.default_rng(seed).random()
    packed = coco_mask.encode(np.asfortranarray(big.astype(np.uint8)))["counts"].decode()
    assert uncompress(packed, "here") == coco_runs(big)


def test_columns_come_one_after_the_other():
    mask = np.random.default_rng(0).random((5, 7)) < 0.5
    counts = np.array(coco_runs(mask))
    assert np.array_equal(mask_of_columns(counts, 5, 7, "here"), mask)
