"""How several commands read the same kind of option, and what may be left out when typing."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from deeplab.weights import is_weights_name

Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
]
"""`--set`, for `runs.find_recipe`."""

CrfChoice = Annotated[
    str | None,
    typer.Option(
        metavar="[PRESET]",
        help="Refine the scores with the fully connected CRF: alone with the parameters in the "
        "network file, or with those of a preset (resnet101, vgg16-largefov, ...) or a .yaml file.",
    ),
]
"""`--crf`, for `inference.find_crf`; `spell_out` gives it a value where there is none."""

WindowSize = Annotated[
    str | None,
    typer.Option(
        metavar="PIXELS",
        help="Score larger pictures at full resolution in overlapping windows of so many pixels: "
        "769, or HEIGHT,WIDTH.",
    ),
]
"""`--window`, for `parse_window`."""

WindowOverlap = Annotated[
    float | None,
    typer.Option(help="Share of a window that the next one sees again, 0 to 0.9; default: 1/3."),
]
"""`--overlap`, as `Segmenter` takes it."""

PartOverlap = Annotated[
    float | None,
    typer.Option(
        help="Share of a window or tile that the next one sees again, 0 to 0.9; default: 1/3, of "
        "tiles 1/4."
    ),
]
"""`--overlap` where there are tiles too."""

KeptClasses = Annotated[
    str,
    typer.Option(
        help="Classes that results keep, such as person,dog: others are background in masks, and "
        "in no overlay, cut-out or polygon; default: all."
    ),
]
"""`--classes`, for `split_list` and `Segmentation.save`."""

Simplify = Annotated[
    float,
    typer.Option(
        metavar="PIXELS",
        help="Leave out corners of polygons that lie no farther from the line without them.",
    ),
]
"""`--simplify`, for `Segmentation.save`."""

EngineOption = Annotated[
    Literal["auto", "onnxruntime", "openvino", "torch"],
    typer.Option("--engine", help="What runs the network; auto: the fastest, as far as is known."),
]
"""`--engine`, as `inference.open_engine` takes it."""

PrecisionOption = Annotated[
    Literal["auto", "f32", "bf16", "int8"],
    typer.Option(
        "--precision",
        help="What it computes in; auto: the fastest that was shown to do no harm to this network, "
        "and half precision in the CRF.",
    ),
]
"""`--precision`, likewise."""


def _tell_more(is_wanted: bool) -> bool:
    if is_wanted:
        logging.getLogger("deeplab").setLevel(logging.INFO)
    return is_wanted


Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", callback=_tell_more, help="Say what is chosen, and why."),
]
"""`--verbose`: the library's messages of level INFO are shown too."""

TileSize = Annotated[
    str | None,
    typer.Option(
        metavar="auto|none|PIXELS",
        help="Label pictures of any size at full resolution, in overlapping tiles of so many "
        "pixels; auto: as many as --memory allows. Unasked, TIFF files are that lie on earth "
        "(GeoTIFF) or are too large to be decoded at once; none: not these either, and results do "
        "not say where on earth they lie.",
    ),
]
"""`--tile`, for `LargeChoice`."""

MemoryBudget = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Memory for pictures in tiles; default: 2GB."),
]
"""`--memory`, likewise."""

ValueRange = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Which stored values of a raster become 0 and 255; default: the whole range of 8 or "
        "16 bits.",
    ),
]
"""`--value-range`, likewise."""

BandChoice = Annotated[
    str | None,
    typer.Option(metavar="N,N,N", help="Which bands of a raster to take, such as 4,3,2."),
]
"""`--bands`, likewise."""

PyramidLevel = Annotated[
    int, typer.Option(help="Level of a pyramid TIFF (whole slide) to label; 0 is the largest.")
]
"""`--level`, likewise."""

_CRF_COMMANDS = ("refine", "tune", "--help")


def spell_out(words: Sequence[str]) -> list[str]:
    """Put in what may be left out on the command line.

    `crf PHOTO SCORES` becomes `crf refine PHOTO SCORES`, and `--crf` that no name of parameters
    follows becomes `--crf=stored`, so that `segment --crf cat.jpg` means what it says.

    Args:
        words: The command line behind `deeplab`.
    """
    spelt = list(words[:1])
    if words[:1] == ["crf"] and len(words) > 1 and words[1] not in _CRF_COMMANDS:
        spelt.append("refine")
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*spelt, word, *rest]
        if word == "--crf":
            word = f"--crf={rest.pop(0)}" if rest and _names_crf(rest[0]) else "--crf=stored"
        spelt.append(word)
    return spelt


def _names_crf(word: str) -> bool:
    """Tell the name of CRF parameters, though mistyped, from a photo, weights or an option."""
    if Path(word).suffix in (".yaml", ".yml", ".json"):
        return True
    is_name = re.fullmatch(r"[a-z][a-z0-9-]*", word) is not None
    return is_name and not is_weights_name(word) and not Path(word).exists()


def parse_numbers(text: str, option: str) -> tuple[float, ...]:
    """Read numbers with commas between them.

    Args:
        text: Such as "0.5,0.75,1".
        option: What the user calls it, for the message.

    Raises:
        ValueError: There is none, or something else than numbers.
    """
    try:
        return tuple(float(item) for item in text.split(","))
    except ValueError:
        raise ValueError(
            f"{option} {text}: give numbers with commas between them, such as 0.5,0.75,1"
        ) from None


def parse_window(text: str | None) -> int | tuple[int, int] | None:
    """Read the size of a window: "769" for both sides, or "512,1024" for height and width.

    Raises:
        ValueError: Something else.
    """
    if text is None:
        return None
    if not re.fullmatch(r"\d+(,\d+)?", text):
        raise ValueError(f"--window {text}: give pixels, such as 769, or HEIGHT,WIDTH")
    sides = [int(side) for side in text.split(",")]
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def parse_range(text: str, option: str) -> tuple[float, ...]:
    """Read evenly spaced numbers, written as in the paper: "30:10:100" goes from 30 to 100 by 10.

    Args:
        text: `FROM:STEP:TO`, or one number.
        option: What the user calls it, for the message.

    Raises:
        ValueError: Something else, or nothing between the two ends.
    """
    try:
        parts = [float(part) for part in text.split(":")]
        first, step, last = parts if len(parts) > 1 else (parts[0], 1.0, parts[0])
        count = int((last - first) / step + 1e-9) + 1 if step > 0 else 0
        if not 1 <= count <= 1000:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"{option} {text}: give FROM:STEP:TO, such as 30:10:100") from None
    return tuple(round(first + step * index, 6) for index in range(count))


def split_list(text: str) -> list[str]:
    """Split words with commas between them; spaces around them do not count."""
    return [item.strip() for item in text.split(",") if item.strip()]
