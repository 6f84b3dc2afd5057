"""Time the CRF layer for training against layers that build their lattices for every filter.

`deeplab.crf.differentiable.MeanField` builds each lattice once per picture. crfasrnn_pytorch, which
is what people train a CRF with, builds one anew every time something is filtered. What of the
following is installed takes turns with ours, picture after picture, round after round; ratios are
taken within each turn:

- crfasrnn: crfasrnn_pytorch itself, if `crfasrnn` and its extension `permuto_cpp` can be imported;
- pydensecrf2 rebuilding: compiled code of the same age, made to work as crfasrnn does: a new
  CRF, and so new lattices, for each iteration;
- ours rebuilding: our torch operations, with new lattices for each iteration.

Forward passes, no gradients, on all examples at 375x500 with 21 classes of made-up scores. Prints
a Markdown table for RESULTS.md.

    python benchmarks/crf_torch.py [--rounds 5] [--threads 1] [--pictures FOLDER]
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from cold_start import REPOSITORY, commit, hardware
from PIL import Image
from torch import Tensor
from torch.nn import functional

from deeplab.crf import PRESETS, Bilateral, Spatial
from deeplab.crf.differentiable import MeanField
from deeplab.crf.torch_kernel import build_kernel, spatial_kernel

NUM_CLASSES, ITERATIONS = 21, 10
PICTURE_SIZE = (500, 375)  # width, height
CHOSEN_PRESETS = ("resnet101", "vgg16-largefov")
OURS = "MeanField"

Refine = Callable[[Tensor, Tensor, Bilateral, Spatial], Tensor]
"""Pictures (1, 3, H, W), uint8, and scores (1, K, H, W) to marginals (1, K, H, W)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of torch; the peers take one")
    parser.add_argument("--pictures", type=Path, default=REPOSITORY / "examples")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pictures = [load(path) for path in sorted(options.pictures.glob("*.jpg"))]
    print(
        f"{len(pictures)} pictures of 375x500, {NUM_CLASSES} classes, {ITERATIONS} iterations, "
        f"float32, torch {torch.__version__} with {options.threads} threads; {hardware()}; "
        f"commit {commit()}; {options.rounds} rounds\n"
    )
    print(f"| kernels | layer | median s | {OURS} is faster, mean | worst | marginals differ |")
    print("|---|---|---|---|---|---|")
    for name in CHOSEN_PRESETS:
        compare(name, pictures, options.rounds)


def load(path: Path) -> tuple[Tensor, Tensor]:
    """Make a batch of one picture, and scores as a network might give them at stride 8."""
    resized = Image.open(path).convert("RGB").resize(PICTURE_SIZE)
    picture = torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous()
    generator = torch.Generator().manual_seed(0)
    coarse = 4 * torch.randn(1, NUM_CLASSES, 48, 64, generator=generator)
    smooth = functional.avg_pool2d(coarse, 5, stride=1, padding=2)
    scores = functional.interpolate(smooth, picture.shape[1:], mode="bilinear")
    return picture.unsqueeze(0), scores


def compare(preset: str, pictures: list[tuple[Tensor, Tensor]], rounds: int) -> None:
    layers = contenders()
    seconds: dict[str, list[list[float]]] = {name: [[] for _ in pictures] for name in layers}
    differences = dict.fromkeys(layers, 0.0)
    for _ in range(rounds):
        for number, (picture, scores) in enumerate(pictures):
            for name, refine in layers.items():
                start = time.perf_counter()
                with torch.no_grad():
                    marginals = refine(picture, scores, *PRESETS[preset])
                seconds[name][number].append(time.perf_counter() - start)
                if name == OURS:
                    expected = marginals
                difference = (marginals - expected).abs().max().item()
                differences[name] = max(differences[name], difference)
    for name, by_picture in seconds.items():
        ratios = [
            statistics.median(one / other for one, other in zip(theirs, ours, strict=True))
            for theirs, ours in zip(by_picture, seconds[OURS], strict=True)
        ]
        median = statistics.median(value for values in by_picture for value in values)
        print(
            f"| {preset} | {name} | {median:.2f} | {statistics.geometric_mean(ratios):.2f} | "
            f"{min(ratios):.2f} | {differences[name]:.0e} |"
        )


def contenders() -> dict[str, Refine]:
    """Name the layers that can run here, ours first."""
    found: dict[str, Refine] = {OURS: ours, "ours rebuilding": ours_rebuilding}
    if importlib.util.find_spec("pydensecrf"):
        found["pydensecrf2 rebuilding"] = pydensecrf_rebuilding
    if importlib.util.find_spec("crfasrnn"):
        found["crfasrnn"] = crfasrnn
    return found


def ours(pictures: Tensor, scores: Tensor, bilateral: Bilateral, spatial: Spatial) -> Tensor:
    spatial_kernel.cache_clear()  # as for the first picture of a size
    layer = MeanField(bilateral=bilateral, spatial=spatial, iterations=ITERATIONS)
    return layer(pictures, scores).softmax(1)


def ours_rebuilding(
    pictures: Tensor, scores: Tensor, bilateral: Bilateral, spatial: Spatial
) -> Tensor:
    scores_NK = scores[0].flatten(1).T.contiguous()
    refined_NK = scores_NK
    for _ in range(ITERATIONS):
        marginals_NK, refined_NK = refined_NK.softmax(1), scores_NK
        for term in (bilateral, spatial):
            spatial_kernel.cache_clear()
            kernel = build_kernel(term, pictures[0], "after", torch.float32)
            message_NK = kernel.filter(marginals_NK) * kernel.receive_scale
            refined_NK = refined_NK + term.weight * message_NK
    return refined_NK.softmax(1).T.reshape(scores.shape)


def pydensecrf_rebuilding(
    pictures: Tensor, scores: Tensor, bilateral: Bilateral, spatial: Spatial
) -> Tensor:
    from pydensecrf import densecrf

    _, num_classes, height, width = scores.shape
    picture = np.ascontiguousarray(pictures[0].permute(1, 2, 0).numpy())
    unary = np.ascontiguousarray(-scores[0].flatten(1).numpy())
    marginals = scores[0].softmax(0).flatten(1).numpy()
    after = {"normalization": densecrf.NORMALIZE_AFTER}
    for _ in range(ITERATIONS):
        crf = densecrf.DenseCRF2D(width, height, num_classes)
        crf.setUnaryEnergy(unary)
        crf.addPairwiseGaussian(sxy=spatial.xy, compat=spatial.weight, **after)
        crf.addPairwiseBilateral(
            sxy=bilateral.xy, srgb=bilateral.rgb, rgbim=picture, compat=bilateral.weight, **after
        )
        state, *buffers = crf.startInference()
        np.asarray(state)[:] = marginals
        crf.stepInference(state, *buffers)
        marginals = np.array(state)
    return torch.from_numpy(marginals).view(scores.shape)


def crfasrnn(pictures: Tensor, scores: Tensor, bilateral: Bilateral, spatial: Spatial) -> Tensor:
    from crfasrnn.crfrnn import CrfRnn
    from crfasrnn.params import DenseCRFParams

    parameters = DenseCRFParams(
        alpha=bilateral.xy,
        beta=bilateral.rgb,
        gamma=spatial.xy,
        spatial_ker_weight=spatial.weight,
        bilateral_ker_weight=bilateral.weight,
    )
    layer = CrfRnn(scores.shape[1], ITERATIONS, parameters)
    return layer(pictures.float(), scores).softmax(1)


if __name__ == "__main__":
    main()
