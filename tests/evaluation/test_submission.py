import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab import drawing
from deeplab.data import Sample
from deeplab.evaluation.servers import CityscapesServer, Server, VocServer
from deeplab.evaluation.submission import check_submission, write_archive
from deeplab.labels import VOC12

NAMES = ("2008_000001", "2008_000002")
FRAMES = ("berlin_000000_000019", "bonn_000001_000019")
SIZES = ((5, 7), (6, 4))


def make(folder: Path, names: tuple[str, ...], server: Server, suffix: str) -> list[Sample]:
    """Write pictures, and right label maps of them below `folder/out`."""
    samples = []
    for name, size in zip(names, SIZES, strict=True):
        path = folder / "pictures" / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size[::-1]).save(path)
        samples.append(Sample(name, path, None))
        label_path = folder / "out" / server.place(samples[-1])
        label_path.parent.mkdir(parents=True, exist_ok=True)
        label_path.write_bytes(server.encode(np.full(size, 11, np.uint8)))
    return samples


@pytest.fixture
def voc(tmp_path: Path) -> list[Sample]:
    return make(tmp_path, NAMES, VocServer(), ".jpg")


@pytest.fixture
def cityscapes(tmp_path: Path) -> list[Sample]:
    return make(tmp_path, FRAMES, CityscapesServer(), "_leftImg8bit.png")


def test_an_archive_is_rooted_at_results_and_checked(voc, tmp_path):
    path = tmp_path / "comp6.tgz"
    write_archive(path, tmp_path / "out", VocServer(), voc)
    with tarfile.open(path, "r:gz") as archive:
        folder = "results/VOC2012/Segmentation/comp6_test_cls"
        assert archive.getnames() == [f"{folder}/{name}.png" for name in NAMES]
    check_submission(path, VocServer(), voc)
    first = path.read_bytes()
    write_archive(path, tmp_path / "out", VocServer(), voc)
    assert path.read_bytes() == first


def test_folders_and_archives_of_others_are_checked_too(voc, tmp_path):
    out = tmp_path / "out"
    check_submission(out, VocServer(), voc)
    check_submission(out / "results", VocServer(), voc)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(out / "results", "results")
    check_submission(tmp_path / "a.tar", VocServer(), voc)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        for sample in voc:
            place = str(VocServer().place(sample))
            zipped.write(out / place, place)
    check_submission(tmp_path / "a.zip", VocServer(), voc)


def test_an_archive_with_a_wrong_file_is_not_left_behind(voc, tmp_path):
    path = tmp_path / "comp6.tgz"
    write_archive(path, tmp_path / "out", VocServer(), voc)
    wrong = tmp_path / "out" / VocServer().place(voc[1])
    drawing.write_label_map(wrong, np.full(SIZES[1], 255, np.uint8), VOC12.palette)
    with pytest.raises(ValueError, match=r"cannot be submitted.*2008_000002\.png: holds 255"):
        write_archive(path, tmp_path / "out", VocServer(), voc)
    assert not [*tmp_path.glob("*.tgz"), *tmp_path.glob(".*.tgz")]


def test_an_archive_that_is_not_rooted_at_results_is_refused(voc, tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        archive.add(tmp_path / "out" / "results" / "VOC2012", "VOC2012")
    message = r"4 of its files .* belongs to no picture .* \(a right one is results/VOC2012/.*mis"
    with pytest.raises(ValueError, match=message):
        check_submission(tmp_path / "a.tgz", VocServer(), voc)


def test_a_missing_picture_and_a_strange_one_are_told(voc, tmp_path):
    path = tmp_path / "out" / VocServer().place(voc[0])
    path.rename(path.with_name("2008_999999.png"))
    message = r"2 of .*2008_999999\.png: belongs to no picture.*2008_000001\.png: missing"
    with pytest.raises(ValueError, match=message):
        check_submission(tmp_path / "out", VocServer(), voc)


def test_two_files_for_one_picture_are_told(voc, cityscapes, tmp_path):
    path = tmp_path / "out" / CityscapesServer().place(cityscapes[0])
    again = path.with_name(f"{FRAMES[0]}_again.png")
    again.write_bytes(path.read_bytes())
    only = tmp_path / "cityscapes"
    only.mkdir()
    for one in path.parent.glob("*.png"):
        one.rename(only / one.name)
    with pytest.raises(ValueError, match="there is another file for this picture"):
        check_submission(only, CityscapesServer(), cityscapes)
    (only / again.name).unlink()
    check_submission(only, CityscapesServer(), cityscapes)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for sample in (*voc, voc[0]):
            place = str(VocServer().place(sample))
            archive.add(tmp_path / "out" / place, place)
    with pytest.raises(ValueError, match=r"2008_000001\.png: there is another file"):
        check_submission(tmp_path / "a.tar", VocServer(), voc)


def test_wrong_pictures_are_told(voc, tmp_path):
    path = tmp_path / "out" / VocServer().place(voc[0])
    for save, message in (
        (lambda: Image.new("P", (5, 7)).save(path), "5x7 pixels, but its picture is 7x5"),
        (lambda: Image.new("RGB", (7, 5)).save(path), "a RGB picture; an indexed PNG"),
        (lambda: Image.new("L", (7, 5)).save(path, format="JPEG"), "a JPEG file; a PNG is wanted"),
        (lambda: path.write_bytes(b"nothing"), "not a picture, or damaged"),
    ):
        save()
        with pytest.raises(ValueError, match=f"2008_000001.png: {message}"):
            check_submission(tmp_path / "out", VocServer(), voc)


def test_train_ids_are_told(cityscapes, tmp_path):
    path = tmp_path / "out" / CityscapesServer().place(cityscapes[1])
    Image.fromarray(np.full(SIZES[1], 0, np.uint8)).save(path)
    with pytest.raises(ValueError, match=rf"{FRAMES[1]}_labelIds\.png: .* look like train ids"):
        check_submission(tmp_path / "out", CityscapesServer(), cityscapes)


def test_what_is_no_submission_is_refused(voc, tmp_path):
    with pytest.raises(ValueError, match="neither a folder nor an archive"):
        check_submission(tmp_path / "nothing.tgz", VocServer(), voc)
    (tmp_path / "text.tgz").write_text("text")
    with pytest.raises(ValueError, match="neither a folder nor an archive"):
        check_submission(tmp_path / "text.tgz", VocServer(), voc)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="2 of its files are wrong or missing"):
        check_submission(tmp_path / "empty", VocServer(), voc)
