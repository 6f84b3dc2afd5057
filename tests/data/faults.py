"""The faults that data sets have: each function writes a small set that has exactly one."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tests.data.small_set import (
    SIZE,
    label_paths,
    make_labels,
    make_picture,
    make_set,
    picture_paths,
    write_labels,
)

from deeplab import imaging
from deeplab.labels import voc_palette

ALL = ("0", "1", "2", "3", "4", "5")


@dataclass(frozen=True)
class Expected:
    """What a check says: the kind of fault, the names of the pictures, words in the message."""

    kind: str
    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def change_labels(root: Path, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> None:
    for path in label_paths(root):
        write_labels(path, change(imaging.read_label_map(path)))


def save_again(path: Path, mode: str) -> None:
    image = Image.open(path)
    image.load()
    image.convert(mode).save(path)


def turn(picture_path: Path, label_path: Path, orientation: int = 6, *, labels_too: bool = True):
    """Store a photo turned, with the tag that brings it upright; the label map fits it or not."""
    picture = imaging.read_picture(picture_path)
    labels = imaging.read_label_map(label_path)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture_path.unlink()
    Image.fromarray(picture).save(picture_path.with_suffix(".jpg"), quality=95, exif=exif)
    if labels_too:
        write_labels(label_path, np.ascontiguousarray(np.rot90(labels, -1)))


def empty_split(root: Path) -> Expected:
    make_set(root)
    with (root / "data.yaml").open("a") as file:
        file.write("  test: {images: images/test, masks: masks/test}\n")
    return Expected("empty-split", ("",), ("test",))


def missing_picture(root: Path) -> Expected:
    make_set(root)
    (root / "train.txt").write_text("0\n1\nlost\n")
    shutil.copy(label_paths(root, "train")[0], root / "masks/train/lost.png")
    text = (root / "data.yaml").read_text()
    (root / "data.yaml").write_text(
        text.replace("masks: masks/train}", "masks: masks/train, list: train.txt}")
    )
    return Expected("missing-picture", ("lost",), ("train/lost",))


def missing_label_map(root: Path) -> Expected:
    make_set(root)
    label_paths(root, "train")[1].unlink()
    return Expected("missing-label-map", ("1",), ("all background",))


def two_pictures_of_one_name(root: Path) -> Expected:
    make_set(root)
    Image.open(picture_paths(root, "train")[0]).save(root / "images/train/0.jpg")
    return Expected("several-files", ("0",), ("0.jpg, 0.png",))


def label_map_without_picture(root: Path) -> Expected:
    make_set(root)
    shutil.copy(label_paths(root, "val")[0], root / "masks/val/lone.png")
    return Expected("label-map-without-picture", ("lone",))


def listed_twice(root: Path) -> Expected:
    make_set(root)
    (root / "train.txt").write_text("".join(f"{name}\n" for name in (*ALL, "3", "3")))
    text = (root / "data.yaml").read_text()
    (root / "data.yaml").write_text(
        text.replace("masks: masks/train}", "masks: masks/train, list: train.txt}")
    )
    return Expected("listed-twice", ("3",), ("3 times",))


def picture_of_zero_bytes(root: Path) -> Expected:
    make_set(root)
    picture_paths(root, "train")[2].write_bytes(b"")
    return Expected("unreadable-picture", ("2",), ("0 bytes",))


def picture_cut_short(root: Path) -> Expected:
    make_set(root)
    path = picture_paths(root, "train")[2]
    path.write_bytes(path.read_bytes()[:3000])
    return Expected("unreadable-picture", ("2",), ("cut short",))


def picture_that_is_text(root: Path) -> Expected:
    make_set(root)
    picture_paths(root, "val")[0].write_text("<html>404</html>")
    return Expected("unreadable-picture", ("0",), ("not a picture",))


def label_map_of_zero_bytes(root: Path) -> Expected:
    make_set(root)
    label_paths(root, "train")[4].write_bytes(b"")
    return Expected("unreadable-label-map", ("4",), ("0 bytes",))


def label_map_cut_short(root: Path) -> Expected:
    make_set(root)
    path = label_paths(root, "train")[4]
    path.write_bytes(path.read_bytes()[:-40])
    return Expected("unreadable-label-map", ("4",), ("cut short",))


def label_map_of_another_scale(root: Path) -> Expected:
    make_set(root)
    write_labels(label_paths(root, "train")[0], make_labels(3, (24, 32)))
    return Expected("sizes-differ", ("0",), ("picture 64x48, label map 32x24", "nearest"))


def label_map_of_another_shape(root: Path) -> Expected:
    make_set(root)
    write_labels(label_paths(root, "train")[0], make_labels(3, (64, 48)))
    return Expected("sizes-differ", ("0",), ("picture 64x48, label map 48x64",))


def label_map_of_the_unturned_photo(root: Path) -> Expected:
    make_set(root)
    turn(picture_paths(root, "train")[0], label_paths(root, "train")[0], labels_too=False)
    return Expected("label-map-of-unturned-photo", ("0",), ("EXIF", "label map 64x48"))


def turned_photo(root: Path) -> Expected:
    make_set(root)
    turn(picture_paths(root, "train")[0], label_paths(root, "train")[0])
    return Expected("exif-turned", ("0",), ("Nothing needs to be done",))


def photo_upside_down(root: Path) -> Expected:
    make_set(root)
    turn(picture_paths(root, "train")[0], label_paths(root, "train")[0], 3, labels_too=False)
    return Expected("exif-unclear", ("0",), ("upside down",))


def id_out_of_range(root: Path) -> Expected:
    make_set(root)
    path = label_paths(root, "train")[5]
    labels = imaging.read_label_map(path)
    labels[:4, :4] = 77
    write_labels(path, labels)
    return Expected(
        "ids-out-of-range", ("5",), ("77", "0..2", "device-side assert", "`void: [77]`", "0.52 %")
    )


def void_that_is_not_declared(root: Path) -> Expected:
    make_set(root, counts={"train": 6})
    change_labels(root, lambda labels: np.where(labels == 255, 3, labels).astype(np.uint8))
    return Expected("ids-out-of-range", ALL, ("`void: [3]`", "`values: [1, ..., 3]`"))


def instance_ids(root: Path) -> Expected:
    make_set(root, counts={"train": 6})
    path = label_paths(root)[0]
    Image.fromarray(imaging.read_label_map(path)).save(path)
    labels = imaging.read_label_map(path).astype(np.uint16)
    labels[labels == 2] = 2001
    Image.fromarray(labels).save(path)
    return Expected("ids-out-of-range", ("0",), ("instance ids", "2001"))


def cityscapes_label_ids(root: Path) -> Expected:
    make_set(root, classes=tuple(f"c{number}" for number in range(19)), counts={"train": 6})
    for path in label_paths(root):
        labels = imaging.read_label_map(path)
        write_labels(path, np.where(labels == 255, 0, labels + 7).astype(np.uint8))
    return Expected("ids-out-of-range", ALL, ("Cityscapes' labelIds",))


def binary_masks(root: Path) -> Expected:
    make_set(root, classes=("ground", "crack"), counts={"train": 6})
    change_labels(root, lambda labels: (labels == 1) * np.uint8(255))
    return Expected(
        "binary-masks", ALL, ("0 and 255", "`values: [0, 255]`", "`classes: [ground, crack]`")
    )


def binary_masks_of_one_class(root: Path) -> Expected:
    make_set(root, classes=("crack",), counts={"train": 6})
    for path in label_paths(root):
        write_labels(path, (make_labels(2) == 1) * np.uint8(255))
    return Expected("binary-masks", ALL, ("`classes: [background, crack]`",))


def some_binary_masks(root: Path) -> Expected:
    make_set(root, classes=("no", "yes"), counts={"train": 6})
    change_labels(root, lambda labels: (labels == 1) * np.uint8(1))
    for path in label_paths(root)[:2]:
        write_labels(path, imaging.read_label_map(path) * np.uint8(255))
    return Expected("binary-masks", ("0", "1"))


def ids_made_visible(root: Path) -> Expected:
    make_set(root, counts={"train": 6})
    change_labels(root, lambda labels: np.where(labels == 255, 0, labels * 100).astype(np.uint8))
    return Expected("spaced-ids", ALL, ("`values: [0, 100, 200]`", "divide the label maps by 100"))


def ids_from_one(root: Path) -> Expected:
    make_set(root, counts={"train": 6})
    change_labels(root, lambda labels: np.where(labels == 255, 255, labels + 1).astype(np.uint8))
    return Expected("off-by-one", ALL, ("count from 1", "subtract 1"))


def colour_masks(root: Path) -> Expected:
    make_set(root, counts={"train": 6})
    for path in label_paths(root):
        save_again(path, "RGB")
    return Expected("colour-masks", ALL, ("`colours: true`", "(128, 0, 0)"))


def colour_masks_in_unknown_colours(root: Path) -> Expected:
    make_set(root, counts={"train": 6})
    colours = np.array([(9, 9, 200), (200, 9, 9), (9, 200, 9)], np.uint8)
    for path in label_paths(root):
        Image.fromarray(colours[imaging.read_label_map(path) % 3]).save(path)
    return Expected(
        "colour-masks", ALL, ("palette: [[9, 9, 200], [9, 200, 9], [200, 9, 9]]", "(9, 9, 200)")
    )


def red_and_black_masks(root: Path) -> Expected:
    make_set(root, classes=("no", "yes"), counts={"train": 6})
    colours = np.zeros((256, 3), np.uint8)
    colours[1] = 255, 0, 0
    for path in label_paths(root):
        Image.fromarray(colours[imaging.read_label_map(path)]).save(path)
    return Expected("colour-masks", ALL, ("palette: [[0, 0, 0], [255, 0, 0]]",))


def unknown_colour(root: Path) -> Expected:
    palette = "[[0, 0, 0], [128, 0, 0], [0, 128, 0]]"
    make_set(root, more=f"palette: {palette}\ncolours: true\n")
    for path in label_paths(root):
        save_again(path, "RGB")
    path = label_paths(root, "train")[0]
    picture = np.array(Image.open(path))
    picture[:3] = 1, 2, 3
    Image.fromarray(picture).save(path)
    return Expected("unknown-colours", ("0",), ("(1, 2, 3)", "`void: [[1, 2, 3]]`"))


def resorted_palette(root: Path) -> Expected:
    make_set(root)
    path = label_paths(root, "train")[0]
    labels = imaging.read_label_map(path)
    image = Image.fromarray(np.array([2, 0, 1, *[3] * 252, 255], np.uint8)[labels])
    palette = np.array(voc_palette(), np.uint8)
    palette[:3] = palette[[1, 2, 0]]
    image.putpalette(palette.tobytes())
    image.save(path)
    return Expected("resorted-palette", ("0",), ("renumbered",))


def grey_saved_in_colour(root: Path) -> Expected:
    make_set(root)
    path = label_paths(root, "train")[0]
    labels = imaging.read_label_map(path)
    Image.fromarray(np.repeat(labels[..., np.newaxis], 3, axis=-1)).save(path)
    return Expected("grey-masks-in-colour", ("0",), ("one channel",))


def grey_with_alpha(root: Path) -> Expected:
    make_set(root)
    path = label_paths(root, "train")[0]
    Image.fromarray(imaging.read_label_map(path)).convert("LA").save(path)
    return Expected("alpha-masks", ("0",), ("opaque",))


def labels_in_alpha(root: Path) -> Expected:
    make_set(root)
    path = label_paths(root, "train")[0]
    rgba = np.zeros((*SIZE, 4), np.uint8)
    rgba[..., 3] = imaging.read_label_map(path)
    Image.fromarray(rgba).save(path)
    return Expected("alpha-masks", ("0",), ("holds the labels",))


def label_map_of_16_bits(root: Path) -> Expected:
    make_set(root)
    path = label_paths(root, "train")[0]
    Image.fromarray(imaging.read_label_map(path).astype(np.uint16)).save(path)
    return Expected("wide-masks", ("0",), ("8 bits",))


def label_map_of_32_bits(root: Path) -> Expected:
    make_set(root)
    path = label_paths(root, "train")[0]
    labels = Image.fromarray(imaging.read_label_map(path).astype(np.float32))
    labels.save(path.with_suffix(".tif"))
    path.unlink()
    return Expected("long-masks", ("0",), ("grey PNG of 8 bits",))


def label_map_as_jpeg(root: Path) -> Expected:
    make_set(root)
    path = label_paths(root, "train")[0]
    Image.fromarray(imaging.read_label_map(path)).save(path.with_suffix(".jpg"))
    path.unlink()
    return Expected("jpeg-masks", ("0",), ("PNG",))


def binary_mask_as_jpeg(root: Path) -> Expected:
    make_set(root, classes=("no", "yes"))
    path = label_paths(root, "train")[0]
    mask = (imaging.read_label_map(path) == 1) * np.uint8(255)
    Image.fromarray(mask).save(path.with_suffix(".jpg"), quality=60)
    path.unlink()
    return Expected("jpeg-masks", ("0",))


def smooth_edges(root: Path) -> Expected:
    make_set(root, classes=("no", "yes"))
    path = label_paths(root, "train")[0]
    mask = Image.fromarray((imaging.read_label_map(path) == 1) * np.uint8(255))
    mask.rotate(7, Image.Resampling.BICUBIC).save(path)
    return Expected("blurred-masks", ("0",), ("nearest neighbour",))


def void_everywhere(root: Path) -> Expected:
    make_set(root)
    write_labels(label_paths(root, "train")[0], np.full(SIZE, 255, np.uint8))
    return Expected("all-void", ("0",))


def background_everywhere(root: Path) -> Expected:
    make_set(root)
    write_labels(label_paths(root, "train")[0], np.zeros(SIZE, np.uint8))
    return Expected("all-background", ("0",), ("class 0 (ground), of 9", "ground"))


def class_that_never_occurs(root: Path) -> Expected:
    make_set(root, classes=("ground", "thing", "other", "unicorn"), counts={"train": 6})
    change_labels(root, lambda labels: np.where(labels == 3, 2, labels).astype(np.uint8))
    return Expected("class-never-occurs", (), ("unicorn", "never learnt"))


def class_that_hardly_occurs(root: Path) -> Expected:
    make_set(root, classes=("ground", "thing", "unicorn"), counts={"train": 25})
    for path in label_paths(root)[1:]:
        labels = imaging.read_label_map(path)
        write_labels(path, np.where(labels == 2, 1, labels).astype(np.uint8))
    return Expected("class-nearly-never-occurs", (), ("unicorn (1 of 25 pictures)",))


def picture_in_two_splits(root: Path) -> Expected:
    make_set(root)
    shutil.copy(picture_paths(root, "val")[0], root / "images/train/2.png")
    return Expected("picture-in-two-splits", ("2",), ("as val/0", "pictures of train"))


def near_duplicate(root: Path) -> Expected:
    make_set(root)
    image = Image.open(picture_paths(root, "val")[0])
    (root / "images/train/2.png").unlink()
    image.save(root / "images/train/2.jpg", quality=70)
    return Expected("near-duplicates", ("2",), ("as val/0",))


def repeated_picture(root: Path) -> Expected:
    make_set(root)
    shutil.copy(picture_paths(root, "train")[0], root / "images/train/2.png")
    return Expected("repeated-picture", ("2",), ("as 0",))


def thumbnail(root: Path) -> Expected:
    make_set(root)
    size = (8, 10)
    Image.fromarray(make_picture(np.random.default_rng(9), size)).save(root / "images/train/0.png")
    write_labels(root / "masks/train/0.png", make_labels(3, size))
    return Expected("odd-size", ("0",), ("10x8", "longest side 64"))


FAULTS = [
    empty_split,
    missing_picture,
    missing_label_map,
    two_pictures_of_one_name,
    label_map_without_picture,
    listed_twice,
    picture_of_zero_bytes,
    picture_cut_short,
    picture_that_is_text,
    label_map_of_zero_bytes,
    label_map_cut_short,
    label_map_of_another_scale,
    label_map_of_another_shape,
    label_map_of_the_unturned_photo,
    turned_photo,
    photo_upside_down,
    id_out_of_range,
    void_that_is_not_declared,
    cityscapes_label_ids,
    binary_masks,
    binary_masks_of_one_class,
    some_binary_masks,
    ids_made_visible,
    ids_from_one,
    colour_masks,
    colour_masks_in_unknown_colours,
    red_and_black_masks,
    unknown_colour,
    resorted_palette,
    grey_saved_in_colour,
    grey_with_alpha,
    labels_in_alpha,
    label_map_of_16_bits,
    label_map_of_32_bits,
    label_map_as_jpeg,
    binary_mask_as_jpeg,
    smooth_edges,
    void_everywhere,
    background_everywhere,
    class_that_never_occurs,
    class_that_hardly_occurs,
    picture_in_two_splits,
    near_duplicate,
    repeated_picture,
    thumbnail,
]
"""All of them, but for those that come with a second one."""

QUICK = [
    empty_split,
    missing_picture,
    missing_label_map,
    two_pictures_of_one_name,
    listed_twice,
    picture_of_zero_bytes,
    picture_that_is_text,
    label_map_of_zero_bytes,
    label_map_of_another_scale,
    label_map_of_the_unturned_photo,
    id_out_of_range,
    binary_masks,
    ids_made_visible,
    ids_from_one,
    colour_masks,
    unknown_colour,
    label_map_of_16_bits,
    label_map_as_jpeg,
]
"""Those that show in the head of a file, or in any label map."""
