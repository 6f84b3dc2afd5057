"""Time a folder of photos to masks and overlays against the script that one would write instead.

The script takes one photo after another through torch eager, pydensecrf2 and Pillow, with the same
weights and the same parameters of the CRF; torch has all cores. Both have their networks loaded
already (`cold_start.py` measures starts), and take turns on the same photos, so that whatever else
the machine does hits both alike; a ratio is taken within each round. Processor time is that of all
threads: a busy machine makes wall time longer, but hardly this. Before all of it, engines are timed
as by `deeplab benchmark`, so that `--engine auto` knows this machine; what it found is remembered,
as it is for users. Prints a Markdown table for RESULTS.md.

    python benchmarks/folder.py [--pictures 24] [--rounds 3] [--engine auto] [--data ../shared/data]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from cold_start import commit, hardware
from numpy.typing import NDArray
from PIL import Image

from deeplab.crf import DenseCRF
from deeplab.inference import Job, Segmenter, find_crf, segment_files
from deeplab.labels import VOC12
from deeplab.models import DeepLab, load_checkpoint
from deeplab.processor import num_cores
from deeplab.runs.benchmark import benchmark, usual_loads


@dataclass
class Times:
    """Seconds of each round: on the clock, and of all processor cores."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=24, help="spread over val_here; 368: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", default="voc12-lite")
    parser.add_argument("--engine", default="auto", help="of ours")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    photos = find_photos(options.data, options.pictures)
    print(
        f"{hardware()}; commit {commit()}; {len(photos)} photos, {options.rounds} rounds; ", end=""
    )
    print(f"engine {options.engine}\n")
    print(
        "| | script, ms a photo | ours | times as fast | worst round | in processor time |", end=""
    )
    print(" labels that agree |\n|---|---|---|---|---|---|---|")
    if options.engine == "auto":
        benchmark(options.weights, loads=usual_loads())
    checkpoint = load_checkpoint(options.weights)
    network, stride = checkpoint.network, checkpoint.card.output_stride
    stored = find_crf("stored", Segmenter.load(options.weights).card)
    for name, crf in (("with the CRF", stored), ("without", None)):  # ours by its word, as users do
        segmenter = Segmenter.load(
            options.weights,
            crf="stored" if crf else None,
            threads=1,
            engine=options.engine,
            workers=num_cores(),
            num_pictures=len(photos),
        )
        name += f", {segmenter.engine.setup}"
        with tempfile.TemporaryDirectory() as folder:
            theirs, ours = Path(folder, "theirs"), Path(folder, "ours")
            times = measure(
                lambda some, out, crf=crf: run_script(network, stride, crf, some, out),
                lambda some, out, segmenter=segmenter: run_ours(segmenter, some, out),
                photos,
                (theirs, ours),
                options.rounds,
            )
            print_row(name, *times, len(photos), agreement(photos, theirs, ours))


def find_photos(data_dir: Path, count: int) -> list[Path]:
    voc_dir = data_dir / "VOCdevkit" / "VOC2012"
    list_path = voc_dir / "ImageSets" / "Segmentation" / "val_here.txt"
    if not list_path.exists():
        raise SystemExit(f"no {list_path}: give the folder that holds VOCdevkit/ with --data")
    names = list_path.read_text().split()
    chosen = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
    return [voc_dir / "JPEGImages" / f"{names[place]}.jpg" for place in chosen]


def measure(
    script: Callable[[Sequence[Path], Path], None],
    ours: Callable[[Sequence[Path], Path], None],
    photos: Sequence[Path],
    folders: tuple[Path, Path],
    rounds: int,
) -> tuple[Times, Times]:
    """Run both in turn, round after round, after a few photos that do not count."""
    both = Times(), Times()
    for run, folder in zip((script, ours), folders, strict=True):
        folder.mkdir(exist_ok=True)
        run(photos[:12], folder)
    for _ in range(rounds):
        for run, folder, times in zip((script, ours), folders, both, strict=True):
            start, processor_start = time.perf_counter(), time.process_time()
            run(photos, folder)
            times.wall.append(time.perf_counter() - start)
            times.processor.append(time.process_time() - processor_start)
    return both


def run_script(
    network: DeepLab, stride: int, crf: DenseCRF | None, photos: Sequence[Path], out: Path
) -> None:
    """Do what a script does that somebody writes in an hour."""
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(VOC12.palette)] = VOC12.palette
    for path in photos:
        photo = Image.open(path).convert("RGB")
        pixels = np.array(photo)
        batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        with torch.no_grad():
            scores = network(network.preprocessing.apply(batch))
            probabilities = upsample(scores, stride, *pixels.shape[:2]).softmax(dim=1)[0].numpy()
        if crf is not None:
            probabilities = refine(crf, pixels, probabilities)
        mask = Image.fromarray(probabilities.argmax(axis=0).astype(np.uint8))
        mask.putpalette(palette.tobytes())
        mask.save(out / f"{path.stem}.mask.png")
        overlay = Image.blend(photo, mask.convert("RGB"), 0.5)
        overlay.save(out / f"{path.stem}.overlay.jpg", quality=90)


def upsample(scores: torch.Tensor, stride: int, height: int, width: int) -> torch.Tensor:
    """Upsample as the network was trained: score (i, j) lies on pixel (stride i, stride j)."""
    functional = torch.nn.functional
    size = [(length - 1) * stride + 1 for length in scores.shape[2:]]
    scores = functional.interpolate(scores, size, mode="bilinear", align_corners=True)
    beyond = (0, max(0, width - size[1]), 0, max(0, height - size[0]))
    return functional.pad(scores, beyond, mode="replicate")[..., :height, :width]


def refine(
    crf: DenseCRF, pixels: NDArray[np.uint8], probabilities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Run pydensecrf2 with the same parameters."""
    import pydensecrf.densecrf as peer
    from pydensecrf.utils import unary_from_softmax

    num_labels, height, width = probabilities.shape
    theirs = peer.DenseCRF2D(width, height, num_labels)
    theirs.setUnaryEnergy(unary_from_softmax(probabilities))
    after = {"kernel": peer.DIAG_KERNEL, "normalization": peer.NORMALIZE_AFTER}
    near, alike = crf.spatial, crf.bilateral
    theirs.addPairwiseGaussian(sxy=near.xy, compat=near.weight, **after)
    theirs.addPairwiseBilateral(
        sxy=alike.xy, srgb=alike.rgb, rgbim=pixels, compat=alike.weight, **after
    )
    return np.asarray(theirs.inference(crf.iterations)).reshape(probabilities.shape)


def run_ours(segmenter: Segmenter, photos: Sequence[Path], out: Path) -> None:
    jobs = [Job(path.name, path, out / path.stem) for path in photos]
    for outcome in segment_files(segmenter, jobs, overwrite=True, workers=num_cores()):
        assert outcome.status == "done", outcome.reason


def agreement(photos: Sequence[Path], theirs: Path, ours: Path) -> float:
    """Give the share of pixels with the same label, 0..1."""
    same = total = 0
    for path in photos:
        masks = [
            np.array(Image.open(folder / f"{path.stem}.mask.png")) for folder in (theirs, ours)
        ]
        same += int((masks[0] == masks[1]).sum())
        total += masks[0].size
    return same / total


def print_row(name: str, script: Times, ours: Times, count: int, agreeing: float) -> None:
    ratios = [one / other for one, other in zip(script.wall, ours.wall, strict=True)]
    in_processor_time = statistics.median(script.processor) / statistics.median(ours.processor)
    print(
        f"| {name} | {1000 * statistics.median(script.wall) / count:.0f} "
        f"| {1000 * statistics.median(ours.wall) / count:.0f} "
        f"| **{statistics.median(ratios):.1f}** | {min(ratios):.1f} | {in_processor_time:.1f} "
        f"| {100 * agreeing:.1f} % |",
        flush=True,
    )


if __name__ == "__main__":
    main()
