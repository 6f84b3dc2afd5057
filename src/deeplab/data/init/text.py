"""`data.yaml` as people like to read it: each setting with what it means."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from deeplab.data.description import DataDescription, SplitFiles
from deeplab.data.init.places import place_in
from deeplab.labels import VOID

_PLAIN_KEY = re.compile(r"[A-Za-z][\w-]*")


def to_text(description: DataDescription, what: str, notes: Sequence[str]) -> str:
    """Write a description as YAML with comments.

    Args:
        description: The data set; paths outside its root are written whole.
        what: The layout that was found, in one line.
        notes: What was assumed.
    """
    label_set, coding = description.label_set, description.coding
    lines = ["# Written by `deeplab data init`; edit what is wrong, then run `deeplab data check`."]
    lines += [f"# found: {_one_line(what)}", *(f"# note: {_one_line(note)}" for note in notes)]
    lines += ["", f"name: {_quote(label_set.name)}", ""]
    lines += ["# Names of the classes, in the order of their labels 0, 1, 2, ...; rename at will."]
    lines += ["classes:", *(f"  - {_quote(name)}" for name in label_set.class_names), ""]
    if coding.colours:
        lines += ["# The colour (red, green, blue) in which the label maps are painted, per class."]
    else:
        lines += [
            "# Colours to draw the classes in (red, green, blue); the labels do not need them."
        ]
    lines += ["palette:"]
    lines += [
        f"  - [{', '.join(map(str, colour))}]  # {_one_line(name)}"
        for name, colour in zip(label_set.class_names, label_set.palette, strict=True)
    ]
    lines.append("")
    if coding.colours:
        lines += ["# Label maps are pictures in these colours.", "colours: true", ""]
    if coding.values:
        lines += ["# The value of each class in the label maps, in the order of `classes`."]
        lines += [f"values: [{', '.join(map(str, coding.values))}]", ""]
    void = [*map(str, coding.void), *(str(list(colour)) for colour in coding.void_colours)]
    kind = "Colours" if coding.colours else "Values"
    lines += [f"# {kind} that are void beside {VOID}: neither learnt nor scored."]
    lines += [f"void: [{', '.join(void)}]", ""]
    lines += [
        "# Where the files of each split are. `images` and `masks` are folders; their files have",
        "# the same names but for `image_suffix` and `mask_suffix`. `list` is a file of names, or",
        "# of pairs of paths; without `masks`, it is one of pairs, or there are no label maps.",
        "splits:",
    ]
    lines += [
        f"  {_quote(split)}: {{{', '.join(_entries(files, description.root))}}}"
        for split, files in description.splits.items()
    ]
    return "\n".join(lines) + "\n"


def _entries(files: SplitFiles, root: Path) -> list[str]:
    paths = {"images": files.images, "masks": files.masks, "list": files.list_path}
    entries = [f"{key}: {_quote(place_in(root, path))}" for key, path in paths.items() if path]
    suffixes = {"image_suffix": files.image_suffix, "mask_suffix": files.mask_suffix}
    return entries + [f"{key}: {_quote(suffix)}" for key, suffix in suffixes.items() if suffix]


def _quote(text: str) -> str:
    """Write a text so that YAML reads it as this text: in quotes, but for the plainest words."""
    is_plain = _PLAIN_KEY.fullmatch(text.replace("/", "").replace(".", "").replace(" ", ""))
    is_word = text.lower() in ("yes", "no", "on", "off", "true", "false", "null", "y", "n")
    if is_plain and not is_word and text == text.strip():
        return text
    return json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
