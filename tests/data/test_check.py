"""Every fault, put alone into a small data set without any: it is found, and nothing else is."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data import faults
from tests.data.small_set import label_paths, make_labels, make_set, picture_paths, write_labels

from deeplab import drawing, imaging
from deeplab.data.check import check, quick_check
from deeplab.data.findings import Finding
from deeplab.labels import VOC12, voc_palette


def found(root: Path) -> dict[str, Finding]:
    return {finding.kind.name: finding for finding in check(root).findings}


def test_nothing_is_found_where_nothing_is_wrong(tmp_path):
    assert found(make_set(tmp_path)) == {}
    assert quick_check(tmp_path, ["train", "val"]) == []


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found_and_nothing_else(tmp_path, fault):
    expected = fault(tmp_path)
    judged = found(tmp_path)
    assert set(judged) == {expected.kind}
    (finding,) = judged.values()
    assert {place.name for place in finding.places} == set(expected.names)
    for words in expected.words:
        assert words in finding.summary()


@pytest.mark.parametrize("fault", faults.QUICK, ids=lambda fault: fault.__name__)
def test_the_quick_part_finds_what_heads_and_a_sample_tell(tmp_path, fault):
    expected = fault(tmp_path)
    assert [one.kind.name for one in quick_check(tmp_path, [])] == [expected.kind]


def test_the_quick_part_decodes_some_label_maps_only(tmp_path):
    make_set(tmp_path, counts={"train": 200})
    write_labels(label_paths(tmp_path)[1], np.full((48, 64), 77, np.uint8))
    assert quick_check(tmp_path, ["train"]) == []
    assert list(found(tmp_path)) == ["ids-out-of-range"]


def test_the_quick_part_does_not_take_a_rare_class_for_binary_masks(tmp_path):
    make_set(tmp_path, classes=("no", "yes"), counts={"train": 200})
    for path in label_paths(tmp_path):
        labels = imaging.read_label_map(path)
        write_labels(path, np.where(labels == 1, 0, labels).astype(np.uint8))
    write_labels(label_paths(tmp_path)[1], make_labels(2))
    assert quick_check(tmp_path, ["train"]) == []


def test_the_quick_part_finds_one_coloured_label_map_among_many(tmp_path):
    make_set(tmp_path, counts={"train": 200})
    path = label_paths(tmp_path)[77]
    Image.open(path).convert("RGB").save(path)
    (finding,) = quick_check(tmp_path, ["train"])
    assert finding.kind.name == "colour-masks"
    assert [place.label_path for place in finding.places] == [path]


def test_the_quick_part_looks_only_at_the_splits_that_are_used(tmp_path):
    make_set(tmp_path)
    label_paths(tmp_path, "val")[0].unlink()
    assert quick_check(tmp_path, ["train"]) == []
    assert [one.kind.name for one in quick_check(tmp_path, ["val"])] == ["missing-label-map"]


def test_errors_come_before_warnings_and_notes(tmp_path):
    make_set(tmp_path)
    faults.turn(picture_paths(tmp_path)[0], label_paths(tmp_path)[0])
    label_paths(tmp_path)[1].unlink()
    shutil.copy(picture_paths(tmp_path)[2], picture_paths(tmp_path)[3])
    severities = [finding.severity for finding in check(tmp_path).findings]
    assert severities[0] == "error"
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


@pytest.mark.parametrize("look", [lambda root: check(root).findings, lambda r: quick_check(r, [])])
def test_a_data_set_that_cannot_be_opened_is_a_finding(tmp_path, look):
    (tmp_path / "data.yaml").write_text("classes: [a]\nspilts: {}\n")
    (finding,) = look(tmp_path)
    assert finding.severity == "error"
    assert "did you mean 'splits'" in finding.title


def test_a_split_that_is_not_there_is_told_with_those_that_are(tmp_path):
    (finding,) = check(make_set(tmp_path), ["vla"]).findings
    assert "did you mean 'val'" in finding.title


def test_a_split_without_label_maps_lacks_none(tmp_path):
    make_set(tmp_path)
    shutil.copytree(tmp_path / "images" / "val", tmp_path / "more")
    for path in (tmp_path / "more").iterdir():
        Image.fromarray(255 - imaging.read_picture(path)[::-1]).save(path)
    with (tmp_path / "data.yaml").open("a") as file:
        file.write("  test: {images: more}\n")
    assert found(tmp_path) == {}


def test_files_beside_the_label_maps_are_no_lone_ones(tmp_path):
    make_set(tmp_path)
    for path in label_paths(tmp_path):
        shutil.copy(path, path.with_name(f"{path.stem}_color.png"))
        path.rename(path.with_name(f"{path.stem}_ids.png"))
    text = (tmp_path / "data.yaml").read_text()
    (tmp_path / "data.yaml").write_text(text.replace("}\n", ", mask_suffix: _ids.png}\n"))
    assert found(tmp_path) == {}


def test_declared_values_and_void_are_as_they_should_be(tmp_path):
    make_set(tmp_path, more="values: [0, 100, 255]\nvoid: [7]\n")
    for path in label_paths(tmp_path):
        labels = imaging.read_label_map(path)
        write_labels(path, np.array([0, 100, 255, *[0] * 252, 7], np.uint8)[labels])
    assert found(tmp_path) == {}


def test_declared_colours_are_as_they_should_be(tmp_path):
    palette = "[[0, 0, 0], [128, 0, 0], [0, 128, 0]]"
    make_set(tmp_path, more=f"palette: {palette}\ncolours: true\n")
    for path in label_paths(tmp_path):
        Image.open(path).convert("RGB").save(path)
    assert found(tmp_path) == {}


def test_two_colours_that_are_grey_may_be_declared(tmp_path):
    make_set(
        tmp_path,
        classes=("no", "yes"),
        more="palette: [[0, 0, 0], [255, 255, 255]]\ncolours: true\n",
    )
    for path in label_paths(tmp_path):
        mask = (imaging.read_label_map(path) == 1) * np.uint8(255)
        Image.fromarray(np.repeat(mask[..., np.newaxis], 3, axis=-1)).save(path)
    assert found(tmp_path) == {}


def test_label_maps_of_more_than_255_classes_have_16_bits(tmp_path):
    classes = tuple(f"c{number}" for number in range(300))
    make_set(tmp_path, classes=classes, counts={"train": 6})
    for path in label_paths(tmp_path):
        labels = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) % 300
        labels[0] = 65535
        drawing.write_label_map(path, labels, voc_palette(300))
    assert found(tmp_path) == {}
    assert check(tmp_path).tallies["train"].void_pixels == 6 * 64
    drawing.write_label_map(label_paths(tmp_path)[0], labels + (labels == 299), voc_palette(300))
    assert "300" in found(tmp_path)["ids-out-of-range"].title


def test_the_palette_of_voc_is_no_sorted_one_though_the_classes_have_other_colours(tmp_path):
    make_set(tmp_path, more="palette: [[0, 0, 0], [0, 128, 0], [128, 0, 0]]\n")
    assert found(tmp_path) == {}


def test_void_beside_two_classes_is_no_binary_mask(tmp_path):
    assert found(make_set(tmp_path, classes=("no", "yes"))) == {}


def test_all_of_the_pictures_may_be_in_trainval_too(tmp_path):
    make_set(tmp_path)
    for split in ("train", "val"):
        shutil.copytree(tmp_path / "images" / split, tmp_path / "images" / "both" / split)
        shutil.copytree(tmp_path / "masks" / split, tmp_path / "masks" / "both" / split)
    with (tmp_path / "data.yaml").open("a") as file:
        file.write("  trainval: {images: images/both, masks: masks/both}\n")
    assert found(tmp_path) == {}


def test_every_fault_says_what_to_do(tmp_path):
    for number, fault in enumerate(faults.FAULTS):
        root = tmp_path / str(number)
        root.mkdir()
        fault(root)
        for finding in check(root).findings:
            assert finding.meaning
            assert finding.advice
            assert "{" not in finding.title + finding.meaning


def test_progress_goes_through_all_files(tmp_path):
    told: list[tuple[int, int]] = []
    check(make_set(tmp_path), tell=lambda done, total: told.append((done, total)))
    assert told == [(number, 18) for number in range(1, 19)]


def test_the_real_camvid_has_no_faults(real_data, tmp_path):
    folder = real_data / "camvid"
    splits = "".join(
        f"  {split}: {{images: {folder}/images/{split}, masks: {folder}/masks/{split}}}\n"
        for split in ("train", "val")
    )
    classes = "sky, building, pole, road, pavement, tree, sign, fence, car, pedestrian, bicyclist"
    text = f"classes: [{classes}]\nvoid: [11]\nsplits:\n{splits}"
    (tmp_path / "data.yaml").write_text(text)
    assert quick_check(tmp_path, ["train", "val"]) == []


def test_camvid_without_its_void_is_told_how_to_write_it(real_data, tmp_path):
    folder = real_data / "camvid"
    classes = ", ".join(f"c{number}" for number in range(11))
    (tmp_path / "data.yaml").write_text(
        f"classes: [{classes}]\nsplits: {{val: {{images: {folder}/images/val, "
        f"masks: {folder}/masks/val}}}}\n"
    )
    (finding,) = check(tmp_path).findings
    assert finding.kind.name == "ids-out-of-range"
    assert "`void: [11]`" in finding.advice


def test_the_real_voc_has_no_errors(real_voc_root):
    checked = check(real_voc_root, ["val_here"])
    assert [one.summary() for one in checked.findings if one.severity == "error"] == []
    assert checked.tallies is not None
    assert checked.tallies["val_here"].num_pictures == 368
    assert len(checked.tallies["val_here"].pixels) == len(VOC12.class_names)
