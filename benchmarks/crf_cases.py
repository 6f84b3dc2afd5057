"""What `crf.py` measures: pictures, class scores of two kinds, and both implementations.

Real scores have a few labels alive at a pixel and the rest numerically nothing, which our engine
skips; so the synthetic ones keep every label alive everywhere. The kernels are those of the
published LargeFOV network: spatial 3/3, bilateral 4/121/5, normalised after, 10 iterations.

Shapes: H, W the picture, K labels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.crf import DenseCRF

ITERATIONS = 10
OUR_CRF = DenseCRF.preset("vgg16-largefov")
STRIDE = 8
"""Pixels from one real score to the next."""


@dataclass(frozen=True)
class Case:
    """One picture (H, W, 3) and class scores (K, H, W) for it."""

    name: str
    picture: NDArray[np.uint8]
    scores: NDArray[np.float32]


def real_cases(data_dir: Path, count: int = 6) -> list[Case]:
    """Take so many 375x500 pictures, evenly from the smoothest to the roughest, with their scores.

    Raises:
        SystemExit: The folder does not hold them; the message says what was looked for.
    """
    scores_dir, voc_dir = data_dir / "voc12_scores_60", data_dir / "VOCdevkit" / "VOC2012"
    found = []
    for path in sorted(scores_dir.glob("*.npz")):
        with np.load(path) as file:
            if tuple(file["size"]) != (375, 500):
                continue
            stride_scores = file["scores"].astype(np.float32)
        picture = np.array(Image.open(voc_dir / "JPEGImages" / f"{path.stem}.jpg").convert("RGB"))
        found.append((roughness(picture), path.stem, picture, stride_scores))
    if len(found) < count:
        raise SystemExit(
            f"{len(found)} pictures of 375x500 with scores in {scores_dir}, {count} are needed: "
            "give the folder that holds voc12_scores_60/ and VOCdevkit/ with --data"
        )
    found.sort(key=lambda entry: entry[:2])
    chosen = [found[place] for place in np.linspace(0, len(found) - 1, count).round().astype(int)]
    return [
        Case(name, picture, upsample(scores, STRIDE, *picture.shape[:2]))
        for _, name, picture, scores in chosen
    ]


def synthetic_case(case: Case, num_labels: int, seed: int) -> Case:
    """Give a picture smooth random scores of small contrast, with noise: all labels are alive."""
    random = np.random.default_rng(seed)
    height, width = case.picture.shape[:2]
    stride = max(height, width) // 12
    grid = random.standard_normal((num_labels, height // stride + 2, width // stride + 2))
    scores = upsample(grid.astype(np.float32), stride, height, width)
    scores += 0.3 * random.standard_normal(scores.shape, dtype=np.float32)
    return Case(case.name, case.picture, scores)


def enlarged_case(case: Case, num_labels: int, height: int, width: int) -> Case:
    """Enlarge a picture, with synthetic scores of its new size."""
    picture = Image.fromarray(case.picture).resize((width, height), Image.Resampling.BICUBIC)
    return synthetic_case(Case(case.name, np.array(picture), case.scores), num_labels, seed=7)


def roughness(picture: NDArray[np.uint8]) -> float:
    """Say how much neighbouring pixels differ on the mean: it decides the lattice's size."""
    values = picture.astype(np.float32)
    return float(np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean())


def upsample(
    grid: NDArray[np.float32], stride: int, height: int, width: int
) -> NDArray[np.float32]:
    """Interpolate bilinearly: grid point (i, j) lies at pixel (stride * i, stride * j)."""
    for axis, length in ((1, height), (2, width)):
        place = np.arange(length, dtype=np.float32) / stride
        first = np.minimum(place.astype(np.intp), grid.shape[axis] - 2)
        part = (place - first).reshape((-1, 1) if axis == 1 else (-1,))
        near, far = np.take(grid, first, axis), np.take(grid, first + 1, axis)
        grid = near + (far - near) * part
    return np.ascontiguousarray(grid, np.float32)


def peer_marginals(picture: NDArray[np.uint8], unary: NDArray[np.float32]) -> NDArray[np.float32]:
    """Infer with pydensecrf2; the unary energy (K, H, W), minus the scores, is made beforehand."""
    import pydensecrf.densecrf as peer

    num_labels, height, width = unary.shape
    crf = peer.DenseCRF2D(width, height, num_labels)
    crf.setUnaryEnergy(unary.reshape(num_labels, -1))
    # Deviations as the package wants them: x and y, then one for each channel.
    after = {"kernel": peer.DIAG_KERNEL, "normalization": peer.NORMALIZE_AFTER}
    crf.addPairwiseGaussian(sxy=3, compat=3, **after)
    crf.addPairwiseBilateral(sxy=121, srgb=5, rgbim=picture, compat=4, **after)
    return np.asarray(crf.inference(ITERATIONS)).reshape(unary.shape)
