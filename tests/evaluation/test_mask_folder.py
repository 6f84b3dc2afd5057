import dataclasses

import numpy as np
import pytest
from PIL import Image

from deeplab import drawing
from deeplab.data import Sample
from deeplab.data.coding import LabelCoding
from deeplab.evaluation import MaskFolder, holds_masks
from deeplab.labels import voc_palette

LABELS = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)


def sample_of(name, tmp_path, **coding):
    picture = tmp_path / "pictures" / f"{name}.jpg"
    return Sample(name, picture, picture.with_suffix(".png"), LabelCoding(**coding))


def save(path, values=LABELS):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


@pytest.mark.parametrize("file_name", ["a.png", "a.mask.png"])
def test_the_label_map_of_a_picture_is_found_by_its_name(file_name, tmp_path):
    save(tmp_path / "masks" / file_name)
    folder, sample = MaskFolder(tmp_path / "masks"), sample_of("a", tmp_path)
    assert sample in folder
    np.testing.assert_array_equal(folder.read(sample, 3), LABELS)


@pytest.mark.parametrize("file_name", ["town/a.png", "a.png"])
def test_pictures_in_folders_may_have_label_maps_in_the_same_folders_or_in_one(file_name, tmp_path):
    save(tmp_path / "masks" / file_name)
    sample = sample_of("town/a", tmp_path)
    np.testing.assert_array_equal(MaskFolder(tmp_path / "masks").read(sample, 3), LABELS)


def test_values_are_those_of_the_data_set(tmp_path):
    save(tmp_path / "masks" / "a.png", [[7, 26, 255]])
    sample = sample_of("a", tmp_path, values=(7, 26))
    assert MaskFolder(tmp_path / "masks").read(sample, 2).tolist() == [[0, 1, 255]]


def test_colours_are_those_of_the_data_set(tmp_path):
    colours = ((10, 20, 30), (200, 0, 0), (0, 0, 99))
    save(tmp_path / "masks" / "a.png", np.array(colours)[LABELS])
    sample = sample_of("a", tmp_path, colours=colours)
    np.testing.assert_array_equal(MaskFolder(tmp_path / "masks").read(sample, 3), LABELS)


def test_what_deeplab_segment_wrote_holds_ids_whatever_the_data_set_holds(tmp_path):
    path = tmp_path / "masks" / "a.mask.png"
    path.parent.mkdir()
    drawing.write_label_map(path, LABELS % 2, voc_palette(2))
    sample = sample_of("a", tmp_path, values=(0, 255))
    np.testing.assert_array_equal(MaskFolder(path.parent).read(sample, 2), LABELS % 2)


def test_a_picture_without_a_label_map_is_named(tmp_path):
    save(tmp_path / "masks" / "a.png")
    folder = MaskFolder(tmp_path / "masks")
    other = dataclasses.replace(sample_of("b", tmp_path))
    assert other not in folder
    with pytest.raises(ValueError, match=r"no label map of b; .* b\.png or b\.mask\.png"):
        folder.read(other, 3)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        MaskFolder(tmp_path / "nowhere")


def test_a_folder_holds_masks_if_it_has_pngs_and_no_scores(tmp_path):
    assert not holds_masks(tmp_path)
    save(tmp_path / "town" / "a.png")
    assert holds_masks(tmp_path)
    assert not holds_masks(tmp_path / "town" / "a.png")
    np.savez(tmp_path / "a.npz", scores=LABELS)
    assert not holds_masks(tmp_path)
