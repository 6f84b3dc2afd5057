"""`deeplab export`: a trained checkpoint becomes a network file, or a program of torch."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deeplab.cli.arguments import parse_numbers

if TYPE_CHECKING:
    from deeplab.export import Agreement


def export(
    checkpoint: Annotated[
        str, typer.Argument(metavar="CHECKPOINT", help="Checkpoint (.safetensors) or its name.")
    ],
    out: Annotated[
        Path | None, typer.Argument(metavar="OUT.onnx", help="Network file to write.")
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store filters in 16 bits: half the size, same speed.")
    ] = False,
    scales: Annotated[
        str,
        typer.Option(help="Picture scales that the file fuses by itself, such as 0.5,0.75,1."),
    ] = "1",
    flip: Annotated[
        bool, typer.Option("--flip", help="The file scores the mirrored picture too, by itself.")
    ] = False,
    torch_export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.pt2", help="Write the network as a program of torch.export, too or alone."
        ),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder of photos to check the file on; default: two that we bring."),
    ] = None,
    crf: Annotated[
        str | None,
        typer.Option(
            metavar="PARAMETERS",
            help="Store CRF parameters in the file, for `segment --crf`: a .yaml file that `crf "
            "tune` wrote, or a preset.",
        ),
    ] = None,
) -> None:
    """Write a self-contained network file (ONNX) that `segment` and `evaluate` take.

    It is checked first: nothing is written unless it scores real photos as the checkpoint does.
    """
    from deeplab import export as exporting
    from deeplab import inference, models

    parsed_scales = parse_numbers(scales, "--scales")
    if out is None and torch_export is None:
        raise ValueError("nothing to write: give OUT.onnx, or --torch-export FILE.pt2")
    if torch_export is not None and (half or flip or parsed_scales != (1.0,)):
        raise ValueError(
            "--torch-export writes the network as it is: leave --half, --scales and --flip out, or "
            "write the network file by a command of its own"
        )
    if crf == inference.STORED:
        raise ValueError("--crf: say which parameters to store, a .yaml file or a preset")
    trained = models.load_checkpoint(checkpoint)
    card = trained.card
    if crf is not None:
        parameters = inference.plain_parameters(inference.find_crf(crf))
        card = dataclasses.replace(card, crf=parameters)
    photos = exporting.read_check_pictures(pictures, num_bands=card.num_bands)
    if out is not None:
        agreement = exporting.export_network(
            trained.network,
            card,
            out,
            pictures=photos,
            half=half,
            scales=parsed_scales,
            flip=flip,
        )
        _show(out, agreement)
    if torch_export is not None:
        _show(
            torch_export,
            exporting.export_program(trained.network, card, torch_export, pictures=photos),
        )


def _show(path: Path, agreement: "Agreement") -> None:
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    print(
        f"checked on pictures of {agreement.num_sizes} sizes: class scores differ by at most "
        f"{agreement.largest_difference:.1e} of the largest, "
        f"{agreement.same_labels:.2%} of the labels are the same"
    )
