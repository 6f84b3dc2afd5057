"""Near-duplicates: a picture saved again, resized, brightened or mirrored; frames of a video.

A fingerprint holds the signs of the lowest frequencies of a picture (of the discrete cosine
transform of its grey values, shrunk to 32x32, the mean left out). These signs hardly change when
the picture is encoded again, resized, stretched or brightened. Mirroring turns the sign of every
odd horizontal frequency, so that mirrored copies are found without reading pictures twice.

Measured on VOC 2012 (2635 photos, 3.5 million pairs): no two differ in fewer than 28 of the 128
signs. Copies saved at quality 40, at half the size, squeezed to 224x224, or with a gamma of 0.7
differ in up to 11, a quarter brighter ones in up to 15; frames of CamVid 1/15 s apart in up to 17.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from deeplab import imaging

NUM_BITS = 128
NEAR = 16
"""Two pictures whose fingerprints differ in so many bits, or fewer, are near-duplicates."""

_SIDE = 32
_ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Leak:
    """A picture that has a near-duplicate in another split.

    Attributes:
        name: The picture.
        other: The nearest one in another split.
        distance: Bits in which their fingerprints differ.
    """

    name: str
    other: str
    distance: int


def fingerprint(path: Path) -> int:
    """Make the fingerprint of a picture, upright: 128 bits.

    JPEGs are decoded only as finely as it takes, which is several times quicker.

    Raises:
        ValueError: Not a picture, or a damaged one.
    """
    coefficients = _COSINES @ _read_grey(path) @ _COSINES.T
    signs = np.round(coefficients[_ROWS, _COLUMNS], 3) > 0  # rounded: a flat picture has none
    return int.from_bytes(np.packbits(signs).tobytes(), "big")


def mirror(of: int) -> int:
    """Give the fingerprint that the picture has when left and right are exchanged."""
    return of ^ _ODD_COLUMNS


def count_differences(one: int, other: int) -> int:
    """Count the bits in which two fingerprints differ, or one and the mirrored other, if fewer."""
    return min((one ^ other).bit_count(), (one ^ mirror(other)).bit_count())


def find_groups(fingerprints: Mapping[str, int], *, distance: int = NEAR) -> list[list[str]]:
    """Group pictures that are near-duplicates, or are linked by a chain of them.

    Args:
        fingerprints: Of each picture.
        distance: Bits in which fingerprints of near-duplicates, or of mirrored ones, may differ.

    Returns:
        The groups of two and more, in the order of the mapping, as the pictures in each are.

    Raises:
        ValueError: `distance` is not 0..127.
    """
    values = list(dict.fromkeys(fingerprints.values()))
    parents = list(range(len(values)))
    for one, other, _ in _near_values(values, distance):
        parents[_root(parents, other)] = _root(parents, one)
    root_of = {value: _root(parents, index) for index, value in enumerate(values)}
    groups: dict[int, list[str]] = {}
    for name, value in fingerprints.items():
        groups.setdefault(root_of[value], []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def find_leaks(
    fingerprints: Mapping[str, int], split_of: Mapping[str, str], *, distance: int = NEAR
) -> list[Leak]:
    """Find the pictures that have a near-duplicate in another split.

    Args:
        fingerprints: Of each picture.
        split_of: The split of each picture.
        distance: Bits in which fingerprints of near-duplicates, or of mirrored ones, may differ.

    Returns:
        One for each such picture, in the order of the mapping, with the nearest one elsewhere.

    Raises:
        ValueError: `distance` is not 0..127.
    """
    members: dict[int, list[str]] = {}
    for name, value in fingerprints.items():
        members.setdefault(value, []).append(name)
    values = list(members)
    leaks: dict[str, Leak] = {}
    same = ((index, index, 0) for index in range(len(values)))
    for one, other, differing in (*same, *_near_values(values, distance)):
        for here, there in ((one, other), (other, one)):
            firsts = {split_of[name]: name for name in reversed(members[values[there]])}
            for name in members[values[here]]:
                elsewhere = [firsts[split] for split in firsts if split != split_of[name]]
                known = leaks.get(name)
                if elsewhere and (known is None or differing < known.distance):
                    leaks[name] = Leak(name, elsewhere[-1], differing)
    return [leaks[name] for name in fingerprints if name in leaks]


def _read_grey(path: Path) -> NDArray[np.float64]:
    """Read a picture as 32x32 grey values."""
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")  # broken EXIF blocks, large pictures
            image.draft("L", (2 * _SIDE, 2 * _SIDE))
            upright = ImageOps.exif_transpose(image)
            if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
                upright = Image.fromarray(imaging.read_picture(path))
            small = upright.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    except Exception as error:  # Pillow's decoders raise nearly every kind
        raise ValueError(f"{path}: not a picture, or a damaged one ({error})") from error
    return np.asarray(small, dtype=np.float64)


def _near_values(values: Sequence[int], distance: int) -> Iterator[tuple[int, int, int]]:
    """Find all pairs (index, larger index, distance) of near values; a pair may come repeatedly.

    Values that differ in at most `distance` bits agree in at least one of `distance` + 1 bands of
    bits, so only those that agree in a band are compared. The rows of `signs` are the values, then
    the mirrored ones; comparing the values with both finds every pair.
    """
    if not 0 <= distance < NUM_BITS:
        raise ValueError(f"distance {distance}: give the bits that may differ, 0..{NUM_BITS - 1}")
    if len(values) < 2:
        return
    bits = _unpack([*values, *map(mirror, values)])
    signs = bits.astype(np.float32) * 2 - 1
    for band in range(distance + 1):
        keys = np.packbits(bits[:, band :: distance + 1], axis=1)
        for bucket in _buckets(keys):
            yield from _compare(signs, bucket, len(values), distance)


def _unpack(values: Sequence[int]) -> NDArray[np.uint8]:
    content = b"".join(value.to_bytes(NUM_BITS // 8, "big") for value in values)
    return np.unpackbits(np.frombuffer(content, np.uint8).reshape(len(values), -1), axis=1)


def _buckets(keys: NDArray[np.uint8]) -> list[NDArray[np.intp]]:
    """Group the indices of equal rows, each group ascending."""
    inverse = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(inverse, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(inverse[order])) + 1)


def _compare(
    signs: NDArray[np.float32], bucket: NDArray[np.intp], num_values: int, distance: int
) -> Iterator[tuple[int, int, int]]:
    plain = bucket[bucket < num_values]
    if len(bucket) < 2:
        return
    for start in range(0, len(plain), _ROWS_AT_ONCE):
        rows = plain[start : start + _ROWS_AT_ONCE]
        differing = (NUM_BITS - signs[rows] @ signs[bucket].T) / 2  # exact: small whole numbers
        at, to = np.nonzero(differing <= distance)
        ones, others = rows[at], bucket[to] % num_values
        is_pair = ones < others
        found = (ones[is_pair], others[is_pair], differing[at, to][is_pair].astype(int))
        yield from zip(*(column.tolist() for column in found), strict=True)


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def _cosines() -> NDArray[np.float64]:
    """Make the rows of the discrete cosine transform, the lowest frequencies first."""
    frequencies = np.arange(_SIDE)[:, np.newaxis]
    return np.asarray(np.cos(np.pi / _SIDE * (np.arange(_SIDE) + 0.5) * frequencies))


_COSINES = _cosines()
_LOWEST = sorted(
    ((row, column) for row in range(_SIDE) for column in range(_SIDE) if row + column),
    key=lambda place: (sum(place), place),
)[:NUM_BITS]
_ROWS, _COLUMNS = np.array(_LOWEST).T
_ODD_COLUMNS = int.from_bytes(np.packbits(_COLUMNS % 2).tobytes(), "big")
