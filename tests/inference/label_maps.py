"""Label maps with all that makes borders hard: noise, holes in holes, corners that touch."""

import numpy as np

from deeplab.imaging import LabelMap


def noise(height: int, width: int, num_labels: int, seed: int = 0) -> LabelMap:
    return np.random.default_rng(seed).integers(0, num_labels, (height, width), dtype=np.uint8)


def blobs(height: int, width: int, num_labels: int, seed: int = 0) -> LabelMap:
    """Smooth regions, as networks find them."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [
        sum(np.sin((x * a + y * b) / 9 + c) for a, b, c in random.normal(size=(4, 3)) * (1, 1, 9))
        for _ in range(num_labels)
    ]
    return np.argmax(waves, axis=0).astype(np.uint8)


def nested() -> LabelMap:
    """A ring of cat (1), in it background, in that a ring of dog (2) around a cat's pixel."""
    labels = np.zeros((13, 15), np.uint8)
    labels[1:12, 2:13] = 1
    labels[3:10, 4:11] = 0
    labels[4:9, 5:10] = 2
    labels[5:8, 6:9] = 0
    labels[6, 7] = 1
    return labels


def touching() -> LabelMap:
    """A ring whose hole touches the outside at a corner, and two squares that touch likewise."""
    labels = np.zeros((9, 12), np.uint8)
    labels[1:6, 1:6] = 1
    labels[2:5, 2:5] = 0
    labels[5, 5], labels[4, 4] = 0, 1
    labels[6:8, 7:9] = labels[4:6, 9:11] = 1
    return labels


ALL = {
    "noise": noise(12, 17, 3),
    "two labels": noise(15, 11, 2, seed=1),
    "blobs": blobs(40, 50, 3),
    "nested": nested(),
    "touching": touching(),
    "one pixel": noise(1, 1, 1),
    "a row": noise(1, 9, 2),
    "a column": noise(9, 1, 2),
}
