"""Every fault mended on a copy: the copy passes the check, the original stays as it was."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from tests.data import faults
from tests.data.small_set import label_paths, make_labels, make_set, picture_paths

from deeplab import imaging
from deeplab.data import open_split
from deeplab.data.check import check
from deeplab.data.mend import Mended, mend

MENDABLE = [one for one in faults.FAULTS if one is not faults.colour_masks_in_unknown_colours]


def mended(fault, tmp_path: Path) -> tuple[Path, list[Mended]]:
    """Write a set with a fault, and its mended copy."""
    root = tmp_path / "set"
    root.mkdir()
    fault(root)
    return tmp_path / "copy", mend(check(root), tmp_path / "copy")


def labels_of(root: Path, name: str = "0", split: str = "train", num_classes: int = 3):
    samples = {sample.name: sample for sample in open_split(root, split).samples}
    return samples[name].read_labels(num_classes)


def hashes(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("fault", MENDABLE, ids=lambda fault: fault.__name__)
def test_the_copy_passes_the_check_can_be_read_and_the_original_is_not_touched(tmp_path, fault):
    root = tmp_path / "set"
    root.mkdir()
    fault(root)
    before = hashes(root)
    checked = check(root)
    log = mend(checked, tmp_path / "copy")
    assert hashes(root) == before
    after = check(tmp_path / "copy").findings
    assert [one.summary() for one in after if one.severity == "error" or one.is_mendable] == []
    for split in (path.stem for path in (tmp_path / "copy").glob("*.txt")):
        data = open_split(tmp_path / "copy", split)
        for sample in data.samples:
            labels = sample.read_labels(len(data.label_set.class_names))
            assert labels.shape == sample.read_picture_size()
    assert bool(log) == any(one.is_mendable for one in checked.findings)


@pytest.mark.parametrize(
    ("fault", "num_classes"),
    [
        (faults.ids_from_one, 3),
        (faults.colour_masks, 3),
        (faults.resorted_palette, 3),
        (faults.grey_saved_in_colour, 3),
        (faults.grey_with_alpha, 3),
        (faults.labels_in_alpha, 3),
        (faults.label_map_of_16_bits, 3),
        (faults.void_that_is_not_declared, 3),
    ],
)
def test_label_maps_are_again_what_they_were_before_the_fault(tmp_path, fault, num_classes):
    copy, _ = mended(fault, tmp_path)
    assert_array_equal(labels_of(copy), make_labels(num_classes))


@pytest.mark.parametrize("fault", [faults.binary_masks, faults.red_and_black_masks])
def test_two_values_become_two_classes(tmp_path, fault):
    copy, _ = mended(fault, tmp_path)
    assert_array_equal(labels_of(copy, num_classes=2), make_labels(2) == 1)


def test_binary_masks_of_one_class_get_a_background(tmp_path):
    copy, _ = mended(faults.binary_masks_of_one_class, tmp_path)
    assert open_split(copy, "train").label_set.class_names == ("background", "crack")
    assert_array_equal(labels_of(copy, num_classes=2), make_labels(2) == 1)


def test_ids_that_were_made_visible_become_ids(tmp_path):
    copy, _ = mended(faults.ids_made_visible, tmp_path)
    expected = make_labels(3)
    expected[expected == 255] = 0
    assert_array_equal(labels_of(copy), expected)


def test_unknown_ids_become_void_and_nothing_else_does(tmp_path):
    copy, log = mended(faults.id_out_of_range, tmp_path)
    expected = make_labels(3)
    expected[:4, :4] = 255
    assert_array_equal(labels_of(copy, "5"), expected)
    assert log == [Mended("train", "5", "ids-out-of-range", "16 pixels become void")]


def test_a_jpeg_of_a_binary_mask_is_snapped_to_what_it_was(tmp_path):
    copy, _ = mended(faults.binary_mask_as_jpeg, tmp_path)
    labels = labels_of(copy, num_classes=2)
    is_known = labels != 255
    assert is_known.mean() > 0.9
    assert_array_equal(labels[is_known], (make_labels(2) == 1)[is_known])


def test_a_jpeg_of_ids_is_left_out_because_neighbouring_ids_are_too_alike(tmp_path):
    copy, log = mended(faults.label_map_as_jpeg, tmp_path)
    assert [sample.name for sample in open_split(copy, "train").samples] == list("12345")
    assert [(one.name, one.fault) for one in log] == [("0", "jpeg-masks")]


def test_a_label_map_of_another_scale_is_resized_by_repeating_pixels(tmp_path):
    copy, _ = mended(faults.label_map_of_another_scale, tmp_path)
    expected = np.kron(make_labels(3, (24, 32)), np.ones((2, 2), np.uint8))
    assert_array_equal(labels_of(copy), expected)


def test_a_label_map_of_another_shape_is_left_out(tmp_path):
    copy, _ = mended(faults.label_map_of_another_shape, tmp_path)
    assert "0" not in [sample.name for sample in open_split(copy, "train").samples]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_photo_and_label_map_are_turned_together(tmp_path, orientation):
    root = make_set(tmp_path / "set")
    picture_path, label_path = picture_paths(root, "train")[0], label_paths(root, "train")[0]
    labels = imaging.read_label_map(label_path)
    labels[:10, :20] = 2
    Image.fromarray(labels).save(label_path)
    faults.turn(picture_path, label_path, orientation, labels_too=False)
    mend(check(root), tmp_path / "copy")
    (sample,) = (one for one in open_split(tmp_path / "copy", "train").samples if one.name == "0")
    upright = {6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
    upright |= {5: Image.Transpose.TRANSPOSE, 7: Image.Transpose.TRANSVERSE}
    if orientation in upright:  # else the size does not tell, and the label map stays
        expected = np.asarray(Image.fromarray(labels).transpose(upright[orientation]))
    else:
        expected = labels
    assert_array_equal(sample.read_labels(3), expected)
    with Image.open(sample.picture_path) as image:
        assert image.getexif().get(0x0112, 1) == 1
    assert sample.read_picture().shape[:2] == expected.shape


def test_a_photo_written_upright_looks_as_it_was_read(tmp_path):
    copy, _ = mended(faults.turned_photo, tmp_path)
    before = imaging.read_picture(tmp_path / "set/images/train/0.jpg").astype(int)
    after = imaging.read_picture(copy / "images/train/0.jpg").astype(int)
    assert np.abs(before - after).mean() < 2  # encoded once more


@pytest.mark.parametrize("fault", [faults.picture_in_two_splits, faults.near_duplicate])
def test_what_is_in_two_splits_stays_in_the_one_that_scores(tmp_path, fault):
    copy, _ = mended(fault, tmp_path)
    assert [sample.name for sample in open_split(copy, "train").samples] == list("01345")
    assert [sample.name for sample in open_split(copy, "val").samples] == list("012")


def test_files_without_fault_are_the_same_in_the_copy(tmp_path):
    copy, _ = mended(faults.missing_label_map, tmp_path)
    before, after = hashes(tmp_path / "set"), hashes(copy)
    kept = [name for name in before if name.endswith(".png") and "train/1." not in name]
    assert {name: before[name] for name in kept} == {
        name: value for name, value in after.items() if name.endswith(".png")
    }


def test_all_that_was_done_stands_in_the_log(tmp_path):
    copy, log = mended(faults.binary_masks, tmp_path)
    with (copy / "mended.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["split", "name", "fault", "done"]
    assert [Mended(*row) for row in rows[1:]] == log
    assert {(one.fault, one.done) for one in log} == {("binary-masks", "255 becomes 1")}


def test_several_faults_are_mended_at_once(tmp_path):
    faults.instance_ids(tmp_path)
    label_paths(tmp_path)[3].unlink()
    mend(check(tmp_path), tmp_path / "copy")
    assert check(tmp_path / "copy").findings == ()


def test_declared_codings_become_label_ids(tmp_path):
    root = make_set(tmp_path / "set", more="values: [10, 20, 30]\n")
    for path in label_paths(root):
        labels = imaging.read_label_map(path)
        Image.fromarray(np.where(labels == 255, 255, labels * 10 + 10).astype(np.uint8)).save(path)
    mend(check(root), tmp_path / "copy")
    assert "values" not in (tmp_path / "copy/data.yaml").read_text()
    assert_array_equal(labels_of(tmp_path / "copy"), make_labels(3))


def test_label_maps_of_many_classes_are_written_with_16_bits(tmp_path):
    root = make_set(tmp_path / "set", classes=tuple(f"c{number}" for number in range(300)))
    expected = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) % 300
    for path in label_paths(root):
        Image.fromarray(expected.astype(np.float32)).save(path.with_suffix(".tif"))
        path.unlink()
    mend(check(root), tmp_path / "copy")
    assert_array_equal(labels_of(tmp_path / "copy", num_classes=300), expected)


def test_names_cannot_lead_out_of_the_copy(tmp_path):
    root = make_set(tmp_path / "set" / "inner")
    lines = [
        f"../inner/images/{split}/0.png ../inner/masks/{split}/0.png\n"
        for split in ("train", "val")
    ]
    (root / "pairs.txt").write_text("".join(lines))
    (root / "data.yaml").write_text(
        "classes: [ground, thing, other]\nsplits: {train: {images: ., list: pairs.txt}}\n"
    )
    before = hashes(tmp_path / "set")
    mend(check(root), tmp_path / "copy")
    assert hashes(tmp_path / "set") == before
    assert len(open_split(tmp_path / "copy", "train").samples) == 2


def test_nothing_is_written_where_something_is(tmp_path):
    root = make_set(tmp_path)
    with pytest.raises(ValueError, match="give a new or empty folder"):
        mend(check(root), root)


def test_a_set_that_cannot_be_mended_is_told_what_lacks(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    faults.colour_masks_in_unknown_colours(root)
    with pytest.raises(ValueError, match=r"nothing would be left.*palette: \[\[9, 9, 200\]"):
        mend(check(root), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_set_that_cannot_be_opened_cannot_be_mended(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        mend(check(tmp_path / "nowhere"), tmp_path / "copy")
