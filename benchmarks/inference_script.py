"""What one would write around a network in torch: eager, float32, bilinear, argmax, Pillow.

    python benchmarks/inference_script.py PHOTO PREFIX WEIGHTS

writes PREFIX.mask.png and PREFIX.overlay.jpg.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from deeplab.models import load_checkpoint


def main() -> None:
    photo, prefix, weights = sys.argv[1:]
    picture, labels, palette = label_photo(load_network(weights), Path(photo))
    write_results(Path(prefix), picture, labels, palette)


def load_network(weights: str):
    return load_checkpoint(weights)


def label_photo(checkpoint, photo: Path):
    """Label a photo: picture (H, W, 3), labels (H, W), and the colours of the classes."""
    network = checkpoint.network
    picture = np.asarray(Image.open(photo).convert("RGB"))
    batch = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None]
    with torch.inference_mode():
        scores = network(network.preprocessing.apply(batch))
        # As the network was trained: score (i, j) on pixel (s i, s j), and the border beyond the
        # last one cut off.
        height, width = picture.shape[:2]
        stride = checkpoint.card.output_stride
        size = [(length - 1) * stride + 1 for length in scores.shape[2:]]
        scores = functional.interpolate(scores, size=size, mode="bilinear", align_corners=True)
        scores = functional.pad(
            scores, (0, max(0, width - size[1]), 0, max(0, height - size[0])), mode="replicate"
        )
        labels = scores[0, :, :height, :width].argmax(dim=0).to(torch.uint8).numpy()
    return picture, labels, checkpoint.card.palette


def write_results(prefix: Path, picture, labels, palette) -> None:
    mask = Image.fromarray(labels)
    mask.putpalette(np.array(palette, np.uint8).tobytes())
    mask.save(prefix.with_name(prefix.name + ".mask.png"))
    colours = np.array(palette, np.float32)[labels]
    covered = (labels > 0)[..., None]
    overlay = np.where(covered, 0.5 * picture + 0.5 * colours, picture).round().astype(np.uint8)
    Image.fromarray(overlay).save(prefix.with_name(prefix.name + ".overlay.jpg"), quality=90)


if __name__ == "__main__":
    main()
