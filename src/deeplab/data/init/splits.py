"""The splits: kept where there are some, else dealt; leaks between them are told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deeplab.data.duplicates import find_leaks
from deeplab.data.init.deal import deal
from deeplab.data.init.parts import POOL, Item, Layout, Part
from deeplab.data.init.roles import is_held_out, is_train
from deeplab.data.init.wishes import DEFAULT_VAL, Wishes


def pool_if_needed(layout: Layout, wishes: Wishes) -> Layout:
    """Make a pool of what has no split to score on, or of all splits if that is wished.

    Args:
        layout: What was found.
        wishes: Shares for splits, and whether existing ones may be replaced.

    Raises:
        ValueError: Shares are wished, but there are splits, which may not be replaced.
    """
    is_wished = wishes.val is not None or wishes.test > 0
    if POOL in layout.parts:
        return layout
    can_score = any(is_held_out(split) for split in layout.parts)
    if can_score and not is_wished:
        return layout
    if can_score and not wishes.overwrite:
        raise ValueError(
            f"there are splits already ({', '.join(layout.parts)}): leave out --val and --test to "
            "keep them, or deal all pictures anew with --overwrite"
        )
    if len(layout.parts) > 1 and not is_wished:
        return layout
    notes = (*layout.notes, f"splits: the pictures of {', '.join(layout.parts)} were dealt anew")
    return replace(layout, parts={POOL: _join(list(layout.parts.values()))}, notes=notes)


def deal_pool(
    pool: Part,
    pixels: Mapping[Item, NDArray[np.int64]],
    fingerprints: Mapping[Item, int],
    wishes: Wishes,
) -> tuple[dict[str, Part], tuple[str, ...]]:
    """Deal pictures to train, val and, if wished, test.

    Args:
        pool: The pictures.
        pixels: Of each class in each picture, void last: (K + 1,).
        fingerprints: Of each picture.
        wishes: Shares, seed, and distance of near-duplicates.

    Returns:
        The splits, and what was kept together, one sentence each.

    Raises:
        ValueError: A split would get no picture.
    """
    val = wishes.val if wishes.val is not None else DEFAULT_VAL
    shares = {"train": 1 - val - wishes.test, "val": val}
    if wishes.test:
        shares["test"] = wishes.test
    by_name = {item.name: item for item in pool.items}
    dealt = deal(
        {name: fingerprints[item] for name, item in by_name.items()},
        np.array([pixels[item][:-1] for item in by_name.values()]),
        shares,
        seed=wishes.seed,
        distance=wishes.distance,
    )
    files = pool.files if pool.files is not None and pool.files.masks is not None else None
    files = files and replace(files, list_path=None)
    parts = {
        split: Part(tuple(by_name[name] for name in names), files)
        for split, names in dealt.splits.items()
    }
    return parts, dealt.notes


def tell_leaks(
    parts: Mapping[str, Part], fingerprints: Mapping[Item, int], *, distance: int
) -> list[str]:
    """Say which pictures to score on are, or nearly are, pictures to train on.

    Args:
        parts: The splits.
        fingerprints: Of each picture.
        distance: Bits in which fingerprints of near-duplicates may differ.
    """
    train = {item for split, part in parts.items() if is_train(split) for item in part.items}
    paths = {item.picture_path for item in train}
    notes = []
    for split, part in parts.items():
        if train and is_held_out(split):
            both = [item for item in part.items if item.picture_path in paths]
            others = [item for item in part.items if item.picture_path not in paths]
            if both:
                notes.append(
                    f"{split}: {len(both)} pictures are in train as well, such as {both[0].name}"
                )
            notes += _tell_near(split, others, train, fingerprints, distance)
    return notes


def _tell_near(
    split: str,
    held_out: Iterable[Item],
    train: Iterable[Item],
    fingerprints: Mapping[Item, int],
    distance: int,
) -> list[str]:
    """Say how many pictures of a split have a near-duplicate in train, with an example."""
    names = {f"held out:{item.picture_path}": item for item in held_out}
    names |= {f"train:{item.picture_path}": item for item in train}
    split_of = {name: name.partition(":")[0] for name in names}
    prints = {name: fingerprints[item] for name, item in names.items()}
    found = find_leaks(prints, split_of, distance=distance)
    leaks = [leak for leak in found if split_of[leak.name] == "held out"]
    if not leaks:
        return []
    example = f"{names[leaks[0].name].name} and {names[leaks[0].other].name}"
    return [
        f"{split}: {len(leaks)} pictures have a near-duplicate in train, such as {example}: scores "
        "on it will be too high"
    ]


def _join(parts: Sequence[Part]) -> Part:
    labelled = {item.picture_path: item for part in parts for item in part.items if item.label_path}
    same_folders = {
        (part.files.images, part.files.masks, part.files.image_suffix, part.files.mask_suffix)
        if part.files is not None
        else None
        for part in parts
    }
    files = parts[0].files
    if len(same_folders) > 1 or files is None:
        return Part(tuple(labelled.values()))
    return Part(tuple(labelled.values()), replace(files, list_path=None))
