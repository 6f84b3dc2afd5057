"""Make the files of published weights out of a checkpoint, and print their record for weights.py.

python scripts/publish.py runs/voc12-lite/best.safetensors voc12-lite --longest-side 500
"""

import argparse
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from deeplab import inference
from deeplab.export import export_network, read_check_pictures
from deeplab.models import load_checkpoint, save_checkpoint

PUBLISHED_DIR = Path(__file__).parents[1] / "src" / "deeplab" / "published"


def main() -> None:
    """Write NAME.onnx and NAME.safetensors, both in 16 bits, into the package."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("name")
    parser.add_argument(
        "--longest-side", type=int, help="pixels; larger pictures are shrunk to it first"
    )
    parser.add_argument(
        "--about", action="append", default=[], metavar="KEY=VALUE", help="line of the provenance"
    )
    parser.add_argument("--crf", help="parameters to store: a .yaml file, or a preset")
    arguments = parser.parse_args()
    trained = load_checkpoint(arguments.checkpoint)
    provenance = trained.card.provenance | dict(line.split("=", 1) for line in arguments.about)
    card = dataclasses.replace(
        trained.card,
        name=arguments.name,
        longest_side=arguments.longest_side or trained.card.longest_side,
        provenance=provenance,
        crf=_crf_parameters(arguments.crf) if arguments.crf else trained.card.crf,
    )
    PUBLISHED_DIR.mkdir(exist_ok=True)
    checkpoint = PUBLISHED_DIR / f"{arguments.name}.safetensors"
    weights = trained.network.state_dict()
    save_checkpoint(checkpoint, weights, config=trained.config, card=card, half=True)
    network = checkpoint.with_suffix(".onnx")
    halved = load_checkpoint(str(checkpoint))  # so that both files hold the same numbers
    agreement = export_network(
        halved.network, card, network, pictures=read_check_pictures(), half=True
    )
    print(f"graph and network differ by {agreement.largest_difference:.1e} of the largest score")
    for field, path in (("network", network), ("checkpoint", checkpoint)):
        print(f'{field}_file="{path.name}",  # {path.stat().st_size / 1e6:.1f} MB')
        print(f'{field}_sha256="{hashlib.sha256(path.read_bytes()).hexdigest()}",')


def _crf_parameters(choice: str) -> dict[str, Any]:
    return inference.plain_parameters(inference.find_crf(choice))


if __name__ == "__main__":
    main()
