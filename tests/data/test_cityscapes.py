from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.data import cityscapes, open_split
from deeplab.data.cityscapes_files import to_classes, to_label_ids
from deeplab.data.prepared import Options
from deeplab.labels import CITYSCAPES_LABELS, VOID

SIZE = (6, 8)
IDS = np.tile(np.array([7, 8, 26, 33, 0, 9, 3, 23], np.uint8), (SIZE[0], 1))
CLASSES = np.tile(np.array([0, 1, 13, 18, VOID, VOID, VOID, 10], np.uint8), (SIZE[0], 1))


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def write_frame(root: Path, split: str, frame: str) -> None:
    """Picture, label ids and instance ids, as the official archives have them."""
    city = frame.partition("_")[0]
    gt = root / "gtFine" / split / city
    write(
        root / "leftImg8bit" / split / city / f"{frame}_leftImg8bit.png",
        np.full((*SIZE, 3), sum(map(ord, frame)) % 256, np.uint8),
    )
    ids = np.full(SIZE, 3, np.uint8) if split == "test" else IDS  # test: dummies, out of roi
    write(gt / f"{frame}_gtFine_labelIds.png", ids)
    instances = np.where(ids == 26, 26001, ids.astype(np.uint16))
    write(gt / f"{frame}_gtFine_instanceIds.png", instances)
    (gt / f"{frame}_gtFine_polygons.json").write_text('{"objects": []}')


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "official" / "cityscapes"
    write_frame(root, "train", "aachen_000000_000019")
    write_frame(root, "train", "bochum_000000_000313")
    write_frame(root, "val", "munster_000000_000019")
    write_frame(root, "test", "berlin_000000_000019")
    write(
        root
        / "leftImg8bit"
        / "train_extra"
        / "bayreuth"
        / "bayreuth_000000_000019_leftImg8bit.png",
        np.zeros((*SIZE, 3), np.uint8),
    )
    return root.parent


def test_label_ids_become_the_19_classes_in_the_official_layout(source, tmp_path):
    prepared = cityscapes.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {"train": 2, "val": 1, "test": 1}
    name = "gtFine/train/bochum/bochum_000000_000313_gtFine_labelTrainIds.png"
    assert np.array_equal(read(tmp_path / "to" / name), CLASSES)
    assert prepared.lacking == (
        "train: 2 of 2975 pictures",
        "val: 1 of 500 pictures",
        "test: 1 of 1525 pictures",
    )
    assert prepared.summary().startswith("cityscapes: PARTIAL (train: 2 of 2975 pictures;")
    again = cityscapes.prepare(source, tmp_path / "to", Options())
    assert again.written.num_changed == 0
    assert again.written.label_hash == prepared.written.label_hash


def test_the_prepared_set_is_opened_by_its_description(source, tmp_path):
    cityscapes.prepare(source, tmp_path / "to", Options())
    data = open_split(tmp_path / "to", "train")
    assert [sample.name for sample in data.samples] == [
        "aachen/aachen_000000_000019",
        "bochum/bochum_000000_000313",
    ]
    assert np.array_equal(data.samples[0].read_labels(19), CLASSES)
    assert data.label_set.class_names[13] == "car"
    assert data.label_set.palette[13] == (0, 0, 142)


def test_test_pictures_are_kept_without_their_dummies(source, tmp_path):
    cityscapes.prepare(source, tmp_path / "to", Options())
    (sample,) = open_split(tmp_path / "to", "test", labelled=False).samples
    assert sample.label_path is None
    assert sample.picture_path.is_file()
    assert not list((tmp_path / "to").rglob("berlin*gtFine*"))
    with pytest.raises(ValueError, match="has no label maps"):
        open_split(tmp_path / "to", "test")


@pytest.mark.parametrize("coding", ["instanceIds", "labelTrainIds"])
def test_other_codings_give_the_same_classes(source, tmp_path, coding):
    expected = cityscapes.prepare(source, tmp_path / "expected", Options())
    for path in (source / "cityscapes" / "gtFine").rglob("*_labelIds.png"):
        path.unlink()
        if coding == "labelTrainIds":
            write(Path(str(path).replace("labelIds", coding)), CLASSES)
            Path(str(path).replace("labelIds", "instanceIds")).unlink()
    prepared = cityscapes.prepare(source, tmp_path / "to", Options())
    assert prepared.written.label_hash == expected.written.label_hash
    lacks_instances = "val: 1 frames have no instance ids, which iIoU needs" in prepared.lacking
    assert lacks_instances == (coding == "labelTrainIds")


def test_classes_and_scored_label_ids_are_the_same_both_ways():
    for label in CITYSCAPES_LABELS:
        if label.label_id < 0:
            continue
        ids = np.array([[label.label_id]], np.uint8)
        back = to_label_ids(to_classes(ids))
        assert back == (ids if label.is_scored else 0)


def test_the_official_files_are_read_where_they_are(source):
    for split in ("train", "val"):
        for sample in open_split(source / "cityscapes", split).samples:
            assert np.array_equal(sample.read_labels(19), CLASSES)
    (sample,) = open_split(source / "cityscapes", "test", labelled=False).samples
    assert sample.label_path is None
    for path in (source / "cityscapes" / "gtFine").rglob("*_labelIds.png"):
        path.unlink()
        write(Path(str(path).replace("labelIds", "labelTrainIds")), CLASSES)
    (sample,) = open_split(source / "cityscapes", "val").samples
    assert np.array_equal(sample.read_labels(19), CLASSES)


def test_a_picture_without_a_label_map_is_an_error(source, tmp_path):
    for path in (source / "cityscapes" / "gtFine" / "train" / "bochum").iterdir():
        path.unlink()
    message = r"train: 1 of 2 frames have no label map .*: bochum_000000_000313\. Unpack"
    with pytest.raises(ValueError, match=message):
        cityscapes.prepare(source, tmp_path / "to", Options())


def test_a_label_map_without_a_picture_is_an_error(source, tmp_path):
    next((source / "cityscapes" / "leftImg8bit" / "train").rglob("aachen*.png")).unlink()
    with pytest.raises(ValueError, match=r"1 of 2 frames have no picture .*: aachen_000000_000019"):
        cityscapes.prepare(source, tmp_path / "to", Options())


def test_a_split_of_pictures_or_label_maps_alone_is_left_out_and_told(source, tmp_path):
    next((source / "cityscapes" / "leftImg8bit" / "val").rglob("*.png")).unlink()
    prepared = cityscapes.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {"train": 2, "test": 1}
    assert "val: 1 label maps have no pictures" in prepared.lacking
    for path in (source / "cityscapes" / "gtFine" / "train").rglob("*.*"):
        path.unlink()
    with pytest.raises(ValueError, match="no label maps"):
        cityscapes.prepare(source, tmp_path / "to", Options())


def test_wrong_sizes_and_ids_are_errors_that_name_the_frame(source, tmp_path):
    path = next((source / "cityscapes" / "gtFine" / "val").rglob("*_labelIds.png"))
    write(path, IDS[:, 1:])
    with pytest.raises(ValueError, match=r"munster_000000_000019: the label map is 7x6 pixels but"):
        cityscapes.prepare(source, tmp_path / "to", Options())
    write(path, np.where(IDS == 0, np.uint8(34), IDS))
    with pytest.raises(ValueError, match=r"munster.*: 34 are no label ids of Cityscapes"):
        cityscapes.prepare(source, tmp_path / "to", Options())
    write(path, CLASSES)
    with pytest.raises(ValueError, match=r"255 are no label ids .* these look like train ids"):
        cityscapes.prepare(source, tmp_path / "to", Options())


def test_polygons_alone_are_an_error_that_says_so(source, tmp_path):
    for path in (source / "cityscapes" / "gtFine").rglob("*.png"):
        path.unlink()
    with pytest.raises(ValueError, match=r"polygons .* but no label maps; .* csCreateTrainId"):
        cityscapes.prepare(source, tmp_path / "to", Options())


def test_nothing_of_cityscapes_is_an_error(tmp_path):
    (tmp_path / "from").mkdir()
    with pytest.raises(ValueError, match=r"no pictures \(leftImg8bit/SPLIT.* unpack leftImg8bit_"):
        cityscapes.prepare(tmp_path / "from", tmp_path / "to", Options())


def test_names_that_are_wrong_or_there_twice_are_errors(source, tmp_path):
    city = source / "cityscapes" / "leftImg8bit" / "val" / "munster"
    write(city / "munster_1_leftImg8bit.png", np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(ValueError, match=r"munster_1_leftImg8bit\.png: not a name of Cityscapes"):
        cityscapes.prepare(source, tmp_path / "to", Options())
    (city / "munster_1_leftImg8bit.png").unlink()
    (source / "copy").mkdir()
    (source / "copy" / "leftImg8bit").symlink_to(source / "cityscapes" / "leftImg8bit")
    with pytest.raises(ValueError, match="are of one name; keep one of them"):
        cityscapes.prepare(source, tmp_path / "to", Options())


def test_the_real_files_are_prepared(real_data, tmp_path):
    source = real_data / "formats" / "cityscapes"
    prepared = cityscapes.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {"train": 2}
    assert "val: 4 label maps have no pictures" in prepared.lacking
    for sample in open_split(tmp_path / "to", "train").samples:
        labels = sample.read_labels(19)
        assert labels.shape == (1024, 2048)
        assert labels[-300:, 1024].tolist().count(0) > 100  # a road ahead
        assert (labels == VOID).mean() < 0.2
