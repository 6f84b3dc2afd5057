import json

import numpy as np
import pytest
from tests.data.annotation_files import brush, pack_brush

from deeplab.data.brush_runs import brush_mask, decode_brush


@pytest.mark.parametrize("seed", range(4))
def test_packed_values_come_back(seed):
    random = np.random.default_rng(seed)
    lengths = random.choice([1, 2, 8, 9, 16, 17, 256, 257, 70_000], 20)
    values = np.repeat(random.integers(0, 256, 20), lengths)
    unpacked = decode_brush(pack_brush(values.tolist()), values.size, where="here")
    assert np.array_equal(unpacked, values)


def test_literal_blocks_of_several_values_are_read():
    bits = f"{3:032b}{7:05b}" + f"{2:04b}{3:04b}{7:04b}{15:04b}"
    bits += "0" + "00" + "010" + f"{5:08b}{6:08b}{255:08b}"
    bits += "0" * (-len(bits) % 8)
    packed = [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]
    assert decode_brush(packed, 3, where="here").tolist() == [5, 6, 255]


def test_alpha_of_at_least_half_counts():
    mask = np.random.default_rng(0).random((8, 10)) < 0.5
    assert np.array_equal(brush_mask(brush(mask), 8, 10, where="here"), mask)
    faint = np.zeros((1, 2, 4), np.uint8)
    faint[..., 3] = (127, 128)
    packed = pack_brush(faint.ravel().tolist())
    assert brush_mask(packed, 1, 2, where="here").tolist() == [[False, True]]


def test_damaged_masks_are_refused():
    packed = brush(np.eye(8, 10, dtype=bool))
    with pytest.raises(ValueError, match="cut short"):
        brush_mask(packed[:-3], 8, 10, where="here")
    with pytest.raises(ValueError, match="80 pixels where 90 are expected"):
        brush_mask(packed, 9, 10, where="here")
    with pytest.raises(ValueError, match=r"numbers of 0\.\.255"):
        brush_mask([300], 8, 10, where="here")
    with pytest.raises(ValueError, match="cut short"):
        brush_mask([], 8, 10, where="here")


def test_a_claim_of_billions_of_values_costs_nothing():
    packed = [255] * 4 + brush(np.ones((8, 10), bool))[4:]
    with pytest.raises(ValueError, match="1073741823 pixels where 80 are expected"):
        brush_mask(packed, 8, 10, where="here")


def test_values_of_other_sizes_than_bytes_are_refused():
    with pytest.raises(ValueError, match="values of 32 bits; a mask has 8"):
        brush_mask([255] * 8, 8, 10, where="here")


def test_more_values_than_announced_are_refused():
    packed = pack_brush([0] * 320)
    packed[3] -= 1  # 319 announced
    with pytest.raises(ValueError, match="more than its 319 values"):
        decode_brush(packed, 319, where="here")


def test_a_real_mask_is_whole(real_data):
    path = real_data / "formats" / "label_studio" / "magic_wand" / "1.json"
    results = json.loads(path.read_text())["annotations"][0]["result"]
    value = results[1]["value"]
    values = decode_brush(value["rle"], 2860 * 3000 * 4, where="here").reshape(2860, 3000, 4)
    assert set(np.unique(values[..., 3])) == {0, 255}
