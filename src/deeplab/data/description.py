"""What a data set on disk is: its classes, how its label maps are coded, where its splits lie.

A folder says so in `data.yaml`, which `deeplab data init` and `prepare` write:

    name: camvid
    classes: [sky, building, road]       # in the order of their labels
    palette: [[128, 128, 128], ...]      # RGB; left out: VOC's colours
    void: [11]                           # values (or colours) that are void, beside 255 (65535)
    values: [0, 1, 7]                    # of each class in the label maps; left out: 0, 1, 2, ...
    colours: true                        # label maps are painted in the colours of `palette`
    mean: [103.1, 98.0, 90.2, 120.7]     # of each band of pictures that are not RGB, 0..255; left
    std: [40.0, 38.1, 36.4, 55.0]        # out: training measures them
    splits:
      train: {images: images/train, masks: masks/train}
      val: {images: images, masks: masks, list: val.txt}
      test: {images: leftImg8bit/test, image_suffix: _leftImg8bit.png}

Folders without one are described in `layouts`.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deeplab.data.coding import PLAIN, LabelCoding
from deeplab.labels import WIDE_VOID, Colour, LabelSet, named

FILE_NAME = "data.yaml"

_KEYS = ("name", "classes", "palette", "void", "values", "colours", "mean", "std", "splits")
_SPLIT_KEYS = ("images", "masks", "list", "image_suffix", "mask_suffix")


@dataclass(frozen=True)
class SplitFiles:
    """Where the files of one split are.

    Attributes:
        images: Folder of the pictures; its sub-folders belong to it.
        masks: Folder of the label maps, which have the names of their pictures; None: pictures
            without label maps, or a list that names both.
        list_path: Names, or pairs of paths "picture label-map", one a line; None: all pictures.
        image_suffix: How the names of pictures end, if not just in `.jpg` and the like.
        mask_suffix: How the names of label maps end, likewise.
    """

    images: Path
    masks: Path | None = None
    list_path: Path | None = None
    image_suffix: str = ""
    mask_suffix: str = ""


@dataclass(frozen=True)
class DataDescription:
    """A data set on disk.

    Attributes:
        root: Its folder; what is relative in lists is relative to it.
        label_set: Names and colours of its classes.
        splits: Where the files of each split are.
        coding: What the values in its label maps mean.
        mean: Of each band of its pictures, 0..255; empty: not known.
        std: Standard deviation of each band, likewise.
    """

    root: Path
    label_set: LabelSet
    splits: Mapping[str, SplitFiles] = field(default_factory=dict)
    coding: LabelCoding = PLAIN
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def split(self, name: str) -> SplitFiles:
        """Look up a split.

        Raises:
            ValueError: There is none of this name; the message gives those that there are.
        """
        if name in self.splits:
            return self.splits[name]
        near = difflib.get_close_matches(name, self.splits, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        known = ", ".join(sorted(self.splits)) or "none"
        raise ValueError(f"{self.root}: no split {name!r}; there are {known}{hint}")


def read_description(path: Path) -> DataDescription:
    """Read a `data.yaml`.

    Raises:
        ValueError: Not such a file, or a setting that is missing, unknown or wrong.
    """
    import yaml  # an extra: folders without such a file are read without it

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a description has the keys {', '.join(_KEYS)}")
    try:
        return _parse(content, path.parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def to_yaml(description: DataDescription) -> str:
    """Write a description as the text of a `data.yaml`, paths relative to its root."""
    import yaml

    label_set, coding = description.label_set, description.coding
    content: dict[str, Any] = {
        "name": label_set.name,
        "classes": list(label_set.class_names),
        "palette": [list(colour) for colour in label_set.palette],
    }
    if coding.void or coding.void_colours:
        content["void"] = [*coding.void, *map(list, coding.void_colours)]
    if coding.values:
        content["values"] = list(coding.values)
    if coding.colours:
        content["colours"] = True
    if description.mean:
        content |= {"mean": list(description.mean), "std": list(description.std)}
    content["splits"] = {
        name: _split_to_yaml(files, description.root) for name, files in description.splits.items()
    }
    return yaml.safe_dump(
        content, sort_keys=False, default_flow_style=None, width=100, allow_unicode=True
    )


def _parse(content: Mapping[str, Any], root: Path) -> DataDescription:
    _check_keys(content, _KEYS, "")
    class_names = _class_names(content.get("classes"))
    palette = [_colour(colour, "palette") for colour in _list(content, "palette")]
    name = str(content.get("name") or root.resolve().name)
    label_set = named(class_names, name=name)
    if palette:
        label_set = LabelSet(name, class_names, tuple(palette))
    splits = content.get("splits")
    if not isinstance(splits, dict) or not splits:
        raise ValueError("splits: name at least one, such as {train: {images: .., masks: ..}}")
    return DataDescription(
        root,
        label_set,
        {str(split): _split(values, str(split), root) for split, values in splits.items()},
        _coding(content, label_set),
        *_bands(content),
    )


def _bands(content: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    mean, std = _list(content, "mean"), _list(content, "std")
    for key, values in (("mean", mean), ("std", std)):
        if not all(isinstance(value, int | float) and 0 <= value <= 255 for value in values):
            raise ValueError(f"{key}: {values}; give a number of 0..255 for each band")
    if len(mean) != len(std) or 0 in std:
        raise ValueError("mean and std: give as many of one as of the other, std above 0")
    return tuple(map(float, mean)), tuple(map(float, std))


def _class_names(classes: object) -> tuple[str, ...]:
    """Take a list of names, or a mapping 0: name, 1: name, ..."""
    if isinstance(classes, dict):
        if sorted(classes, key=str) != sorted(range(len(classes)), key=str):
            raise ValueError(f"classes: labels {list(classes)}; they are 0, 1, 2, ... without gaps")
        classes = [classes[label] for label in range(len(classes))]
    if not isinstance(classes, list) or not classes:
        raise ValueError("classes: give the names as a list, in the order of their labels")
    return tuple(map(str, classes))


def _coding(content: Mapping[str, Any], label_set: LabelSet) -> LabelCoding:
    num_classes = len(label_set.class_names)
    is_painted = content.get("colours", False)
    if not isinstance(is_painted, bool):
        raise ValueError("colours: true or false; the colours themselves stand in `palette`")
    if is_painted and not content.get("palette"):
        raise ValueError("colours: true needs the colours of the classes, in `palette`")
    void = _list(content, "void")
    values = tuple(_value(value, "values") for value in _list(content, "values"))
    if is_painted and values:
        raise ValueError("values: label maps that are painted in colours have none; leave it out")
    if values and (len(values) != num_classes or len(set(values)) < num_classes):
        raise ValueError(
            f"values: {len(values)} of them for {num_classes} classes; give each class its own"
        )
    coding = LabelCoding(
        values=values,
        void=tuple(_value(value, "void") for value in void if not isinstance(value, list)),
        colours=label_set.palette if is_painted else (),
        void_colours=tuple(_colour(value, "void") for value in void if isinstance(value, list)),
    )
    both = set(coding.void) & set(values or range(num_classes))
    if both and not is_painted:
        raise ValueError(f"void: {', '.join(map(str, sorted(both)))} is a class too; choose one")
    return coding


def _split(values: object, name: str, root: Path) -> SplitFiles:
    if not isinstance(values, dict):
        raise ValueError(f"splits.{name}: has the keys {', '.join(_SPLIT_KEYS)}")
    _check_keys(values, _SPLIT_KEYS, f"splits.{name}.")
    texts = {key: value for key, value in values.items() if value is not None}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"splits.{name}.{key}: {value!r} is not a text")
    if "images" not in texts and "list" not in texts:
        raise ValueError(f"splits.{name}: give `images`, `list`, or both")
    return SplitFiles(
        images=root / texts.get("images", "."),
        masks=root / texts["masks"] if "masks" in texts else None,
        list_path=root / texts["list"] if "list" in texts else None,
        image_suffix=texts.get("image_suffix", ""),
        mask_suffix=texts.get("mask_suffix", ""),
    )


def _split_to_yaml(files: SplitFiles, root: Path) -> dict[str, str]:
    paths = {"images": files.images, "masks": files.masks, "list": files.list_path}
    suffixes = {"image_suffix": files.image_suffix, "mask_suffix": files.mask_suffix}
    written = {
        key: (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
        for key, path in paths.items()
        if path is not None
    }
    return written | {key: suffix for key, suffix in suffixes.items() if suffix}


def _check_keys(content: Mapping[str, Any], known: Sequence[str], above: str) -> None:
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown key {above}{key}: {hint}known here: {', '.join(known)}")


def _list(content: Mapping[str, Any], key: str) -> list[Any]:
    value = content.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{key}: give a list, not {value!r}")
    return value


def _value(value: object, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= WIDE_VOID:
        raise ValueError(f"{key}: {value!r}; values in label maps are 0..{WIDE_VOID}")
    return value


def _colour(value: object, key: str) -> Colour:
    if (
        not isinstance(value, list)
        or len(value) != 3
        or not all(isinstance(one, int) and 0 <= one <= 255 for one in value)
    ):
        raise ValueError(
            f"{key}: {value!r}; a colour is three numbers of 0..255, such as [0, 0, 9]"
        )
    red, green, blue = value
    return red, green, blue
