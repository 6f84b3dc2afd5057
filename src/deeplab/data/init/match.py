"""Which label map belongs to which picture, by what their names share.

Names are paths without the folders that say what they hold, so that `train/images/a/1.jpg` and
`train/masks/a/1_gt.png` share `a/1`. Three rules, the first that holds for at least half of the
pictures counts: the label map has the picture's name, with one ending more for all of them; the
picture has an ending of its own too (`_leftImg8bit`, `_sat`); or both have a word in front
(`img_1`, `mask_1`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deeplab.data.init.roles import LABEL_WORDS, MINOR_WORDS, PICTURE_WORDS, strip_words

_LABEL_NAME = re.compile(
    rf"(?:^|[/_\-. ])(?:{LABEL_WORDS})$|(?:^|/)(?:{LABEL_WORDS})[_\-. ]?\d+$", re.IGNORECASE
)
_PICTURE_ENDING = re.compile(rf"(?<=.)[_\-. ](?:{PICTURE_WORDS})$", re.IGNORECASE)
_ENOUGH = 0.5


@dataclass(frozen=True)
class Match:
    """Pictures with their label maps.

    Attributes:
        pairs: The label map of each picture that has one.
        picture_ending: What all pictures' names end with beside their format; "": nothing.
        label_ending: What label maps' names have behind the pictures', format left out; None:
            their names do not just have another ending.
    """

    pairs: Mapping[Path, Path]
    picture_ending: str = ""
    label_ending: str | None = ""


def match(pictures: Mapping[str, Path], labels: Mapping[str, Path]) -> Match:
    """Find the label map of each picture.

    Args:
        pictures: Pictures by their names, which may have folders and end with the format.
        labels: Label maps, likewise.

    Raises:
        ValueError: Each picture has several kinds of label maps, and nothing says which to take.
    """
    best = Match({})
    for ending in _picture_endings(pictures):
        found = _match_by_ending(pictures, labels, ending)
        if len(found.pairs) > len(best.pairs):
            best = found
    if len(best.pairs) >= _ENOUGH * len(pictures):
        return best
    without_words = _match_without_words(pictures, labels)
    return max(best, without_words, key=lambda found: len(found.pairs))


def part_labels(files: Iterable[str]) -> set[str]:
    """Find the label maps among files that lie beside their pictures.

    Label maps are called like a picture with `_mask` or the like behind, or like a picture in
    another format (`1.png` beside `1.jpg`).

    Args:
        files: Their names.
    """
    files = list(files)
    named = {name for name in files if _LABEL_NAME.search(_stem(name))}
    if named and len(named) < len(files):
        return named
    photos = {_stem(name) for name in files if name.lower().endswith((".jpg", ".jpeg"))}
    return {name for name in files if name.lower().endswith(".png") and _stem(name) in photos}


def _picture_endings(pictures: Mapping[str, Path]) -> list[str]:
    found = Counter(
        ending[0] for name in pictures if (ending := _PICTURE_ENDING.search(_stem(name)))
    )
    common = [text for text, count in found.items() if count >= _ENOUGH * len(pictures)]
    return ["", *common]


def _match_by_ending(
    pictures: Mapping[str, Path], labels: Mapping[str, Path], picture_ending: str
) -> Match:
    stems = {
        _stem(name).removesuffix(picture_ending): path
        for name, path in pictures.items()
        if _stem(name).endswith(picture_ending)
    }
    by_ending: dict[str, dict[Path, Path]] = {}
    for name, path in labels.items():
        for stem, ending in _cuts(name, stems):
            by_ending.setdefault(ending, {})[stems[stem]] = path
    if not by_ending:
        return Match({})
    ending = _choose({text: len(pairs) for text, pairs in by_ending.items()}, labels)
    return Match(by_ending[ending], picture_ending, ending)


def _cuts(name: str, stems: Mapping[str, Path]) -> list[tuple[str, str]]:
    """Cut a name behind the longest picture's name in it; its format is no part of the ending."""
    stem = _stem(name)
    for end in range(len(stem), 0, -1):
        if stem[:end] in stems:
            is_whole_word = end == len(stem) or not (
                stem[end].isalnum() and stem[end - 1].isalnum()
            )
            return [(stem[:end], stem[end:])] if is_whole_word else []
    return []


def _choose(counts: Mapping[str, int], labels: Mapping[str, Path]) -> str:
    """Choose the ending that most label maps have; of equals, the one for label indices."""
    most = max(counts.values())
    best = [ending for ending, count in counts.items() if count >= 0.9 * most]
    if "" in best:
        return ""
    plain = [ending for ending in best if not MINOR_WORDS.search(ending)] or best
    ids = [ending for ending in plain if ending.endswith("labelIds")] or plain
    if len(ids) > 1:
        raise ValueError(
            f"several label maps for each picture, which end with {', '.join(sorted(ids))} (such "
            f"as {next(iter(labels))}): keep one kind in a folder of its own and give it with "
            "--masks"
        )
    return ids[0]


def _match_without_words(pictures: Mapping[str, Path], labels: Mapping[str, Path]) -> Match:
    stripped = {_stripped(name): path for name, path in labels.items()}
    keys = {_stripped(name): path for name, path in pictures.items()}
    if len(stripped) < len(labels) or len(keys) < len(pictures):
        return Match({})
    pairs = {path: stripped[key] for key, path in keys.items() if key in stripped}
    return Match(pairs, "", None)


def _stripped(name: str) -> str:
    path = PurePosixPath(name)
    return f"{path.parent}/{strip_words(path.stem)}"


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()
