"""Dealing pictures to splits, so that no score is too good and no class is left out.

Near-duplicates and consecutive frames of a video stay together, and every class has about the same
share of its pixels in each split.
"""

import itertools
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.data.duplicates import NEAR, count_differences, find_groups

_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")
_ALIKE = 50
"""Neighbours in a video differ in so many bits or fewer: in CamVid, mostly a second apart, 59 to
98 % of them do in each of its three drives; of photos with running numbers (VOC, COCO) 2 to 3 %."""

_LEAST_ALIKE = 1 / 3
_BLOCKS_IN_SPLIT = 4


@dataclass(frozen=True)
class Dealt:
    """Pictures in splits.

    Attributes:
        splits: The names of the pictures in each split, in their order.
        notes: What was kept together, one sentence each.
    """

    splits: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


def deal(
    fingerprints: Mapping[str, int],
    pixels: NDArray[np.int64],
    shares: Mapping[str, float],
    *,
    seed: int,
    distance: int = NEAR,
) -> Dealt:
    """Deal pictures to splits.

    Args:
        fingerprints: Of each picture.
        pixels: (N, K) pixels of each class in each picture, in the order of `fingerprints`.
        shares: Of all pictures that each split shall have; they add up to 1.
        seed: Another one deals otherwise; the same one alike.
        distance: Bits in which fingerprints of near-duplicates may differ.

    Raises:
        ValueError: A split would get no picture.
    """
    names = list(fingerprints)
    smallest = min(shares.values()) * len(names)
    groups, notes = _keep_together(fingerprints, smallest, distance)
    features = np.concatenate([_shares_of(pixels), np.full((len(names), 1), 1 / len(names))], 1)
    index_of = {name: index for index, name in enumerate(names)}
    split_of = _deal_groups(
        [[index_of[n] for n in group] for group in groups], features, shares, seed
    )
    splits = {
        split: tuple(name for name in names if split_of[index_of[name]] == split)
        for split in shares
    }
    if not all(splits.values()):
        raise ValueError(
            f"no picture is left for {', '.join(one for one in splits if not splits[one])}: the "
            f"{len(names)} pictures fall into {len(groups)} groups that stay together (near-"
            "duplicates, link by link, and frames of videos), fewer than splits; add pictures, or "
            f"give a smaller --distance than {distance}"
        )
    return Dealt(splits, tuple(notes))


def _shares_of(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give what share of all pixels of each class a picture has: (N, K), columns add up to 1."""
    totals = pixels.sum(axis=0)
    return np.asarray(pixels[:, totals > 0] / totals[totals > 0])


def _deal_groups(
    groups: Sequence[Sequence[int]],
    features: NDArray[np.float64],
    shares: Mapping[str, float],
    seed: int,
) -> dict[int, str]:
    """Give each group, the largest first, to the split that then fits best to all shares.

    What a split lacks counts in squares, relative to its share; the number of pictures counts as
    much as all classes together.
    """
    weights = np.ones(features.shape[1])
    weights[-1] = max(1, features.shape[1] - 1)
    order = list(range(len(groups)))
    random.Random(seed).shuffle(order)
    order.sort(key=lambda group: -len(groups[group]))
    splits = list(shares)
    wanted = np.array([shares[split] for split in splits])
    has = np.zeros((len(splits), features.shape[1]))
    split_of: dict[int, str] = {}
    for place, group in enumerate(order):
        brings = features[list(groups[group])].sum(axis=0)
        grows = brings * (brings + 2 * (has - wanted[:, np.newaxis])) / wanted[:, np.newaxis]
        costs = (grows * weights).sum(axis=1)
        is_empty = ~has.any(axis=1)
        if len(order) - place <= is_empty.sum():  # those that are left are one for each
            costs[~is_empty] = np.inf
        best = int(costs.argmin())
        has[best] += brings
        split_of |= dict.fromkeys(groups[group], splits[best])
    return split_of


def _keep_together(
    fingerprints: Mapping[str, int], smallest: float, distance: int
) -> tuple[list[list[str]], list[str]]:
    """Group near-duplicates, and the frames of videos in blocks; single pictures are groups."""
    alike = find_groups(fingerprints, distance=distance)
    blocks, num_videos = _video_blocks(fingerprints, smallest, distance)
    notes = []
    if alike:
        notes.append(
            f"near-duplicates: {sum(map(len, alike))} pictures in {len(alike)} groups, each of "
            "which stays in one split"
        )
    if num_videos:
        notes.append(
            f"videos: {num_videos} (names with running numbers, neighbours alike), dealt in "
            f"{len(blocks)} blocks of consecutive frames"
        )
    return _merge(fingerprints, [*alike, *blocks]), notes


def _video_blocks(
    fingerprints: Mapping[str, int], smallest: float, distance: int
) -> tuple[list[list[str]], int]:
    blocks: list[list[str]] = []
    num_videos = 0
    for frames in _sequences(fingerprints):
        jumps = [
            count_differences(fingerprints[one], fingerprints[other])
            for one, other in itertools.pairwise(frames)
        ]
        if sum(jump <= _ALIKE for jump in jumps) >= max(2, _LEAST_ALIKE * len(jumps)):
            num_videos += 1
            blocks += _cut(frames, jumps, max(2, int(smallest / _BLOCKS_IN_SPLIT)))
    return blocks, num_videos


def _sequences(names: Iterable[str]) -> list[list[str]]:
    """Find names that differ in one running number, in the order of these."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match:
            found.setdefault((match[1], match[3]), []).append((int(match[2]), name))
    return [[name for _, name in sorted(one)] for one in found.values() if len(one) > 2]


def _cut(frames: Sequence[str], jumps: Sequence[int], longest: int) -> list[list[str]]:
    """Cut a video in blocks of about one length, each cut at the largest jump thereabouts."""
    num_blocks = -(-len(frames) // longest)
    cuts = [0]
    for block in range(1, num_blocks):
        centre = block * len(frames) // num_blocks
        window = range(
            max(cuts[-1] + 1, centre - longest // 4), min(len(frames), centre + longest // 4 + 1)
        )
        cuts.append(
            max(window, key=lambda place: (jumps[place - 1], -abs(place - centre)), default=centre)
        )
    ends = [*cuts[1:], len(frames)]
    return [list(frames[start:end]) for start, end in zip(cuts, ends, strict=True) if end > start]


def _merge(names: Iterable[str], groups: Iterable[Sequence[str]]) -> list[list[str]]:
    """Merge groups that share a picture; pictures in none are groups of one."""
    group_of = {name: {name} for name in names}
    for group in groups:
        merged = set[str]().union(*(group_of[name] for name in group))
        for name in merged:
            group_of[name] = merged
    order = list(group_of)
    place = {name: index for index, name in enumerate(order)}
    unique = {id(group): group for group in group_of.values()}
    return [sorted(group, key=place.__getitem__) for group in unique.values()]
