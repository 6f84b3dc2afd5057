import numpy as np
import pytest
from tests.inference.label_maps import ALL

from deeplab.imaging import LabelMap
from deeplab.inference.regions import find_regions
from deeplab.inference.run_lengths import compress, runs_of_regions


@pytest.mark.parametrize("labels", ALL.values(), ids=ALL.keys())
def test_texts_are_those_of_pycocotools_for_every_region(labels: LabelMap) -> None:
    mask = pytest.importorskip("pycocotools.mask")
    ids = find_regions(labels).ids
    runs = list(runs_of_regions(ids))
    assert len(runs) == ids.max() + 1
    for region, lengths in enumerate(runs):
        expected = mask.encode(np.asfortranarray(ids == region, dtype=np.uint8))
        assert compress(lengths) == expected["counts"].decode()


def test_lengths_beyond_five_bits_and_large_falls_are_written_as_by_pycocotools() -> None:
    mask = pytest.importorskip("pycocotools.mask")
    lengths = [100_000, 40_000, 5, 33, 70_000, 1, 16, 15, 31, 32, 9_931]
    size = (sum(lengths) // 8, 8)
    assert sum(lengths) == size[0] * size[1]
    plain = mask.frPyObjects({"size": list(size), "counts": lengths}, *size)
    assert compress(lengths) == plain["counts"].decode()


def test_all_lengths_add_up_to_the_picture() -> None:
    labels = ALL["noise"]
    for lengths in runs_of_regions(find_regions(labels).ids):
        assert sum(lengths) == labels.size
