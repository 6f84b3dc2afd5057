"""`deeplab export`: a trained checkpoint becomes a network file, or a program of torch."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deeplab.cli.arguments import parse_numbers

if TYPE_CHECKING:
    from deeplab.export import Agreement, Loss, Quantising
    from deeplab.network_card import NetworkCard


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
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Compute in integers of 8 bits; needs --calibrate. Called NAME.int8.onnx beside "
            "NAME.onnx, the file is taken in its place where that is faster and harmless.",
        ),
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Of --int8: folder of photos like those to be segmented, or a data set.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Of --int8: data set to measure the loss on; default: that of DIR."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Of --int8: split to measure on; never calibrated on.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Of --int8: measure on only so many pictures.")
    ] = None,
    accept_loss: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            min=0,
            help="Of --int8: write the file if mean IoU falls by no more than this (default 1); "
            "without label maps, if no more per cent of the labels change (default 3).",
        ),
    ] = None,
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
    from deeplab.cli.progress import show_progress

    parsed_scales = parse_numbers(scales, "--scales")
    if out is None and torch_export is None:
        raise ValueError("nothing to write: give OUT.onnx, or --torch-export FILE.pt2")
    of_int8 = (calibrate, data, split, limit, accept_loss)
    if not int8 and any(option is not None for option in of_int8):
        raise ValueError("--calibrate, --data, --split, --limit and --accept-loss are of --int8")
    if int8 and (out is None or half or torch_export is not None):
        raise ValueError("--int8 writes OUT.onnx alone: give that, no --half and no --torch-export")
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
    if int8:
        assert out is not None
        quantising = _plan(calibrate, card, data, split, limit, accept_loss)
        with show_progress("measuring", "measured") as tell:
            agreement, loss = exporting.export_int8(
                trained.network,
                card,
                out,
                pictures=photos,
                quantising=quantising,
                scales=parsed_scales,
                flip=flip,
                progress=tell,
            )
        _show_int8(out, agreement, loss, quantising)
    elif out is not None:
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


def _plan(
    calibrate: Path | None,
    card: "NetworkCard",
    data: Path | None,
    split: str | None,
    limit: int | None,
    accept_loss: float | None,
) -> "Quantising":
    from deeplab.runs.quantising import plan_quantising

    if calibrate is None:
        raise ValueError(
            "--int8 needs --calibrate DIR: a folder of photos like those to be segmented, or a "
            "data set and --split"
        )
    return plan_quantising(
        calibrate, card, data=data, split=split, limit=limit, accepted_points=accept_loss
    )


def _show_int8(path: Path, agreement: "Agreement", loss: "Loss", quantising: "Quantising") -> None:
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, int8")
    print(f"calibrated on {len(quantising.pictures)} pictures")
    print(f"on {loss.num_pictures} pictures of {quantising.data}: {loss.describe()}")
    print(f"{loss.speed:.2f} times as fast as float32 on this machine, in onnxruntime")
    print(
        f"checked on pictures of {agreement.num_sizes} sizes: {agreement.same_labels:.2%} of the "
        "labels are those of float32"
    )


def _show(path: Path, agreement: "Agreement") -> None:
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    print(
        f"checked on pictures of {agreement.num_sizes} sizes: class scores differ by at most "
        f"{agreement.largest_difference:.1e} of the largest, "
        f"{agreement.same_labels:.2%} of the labels are the same"
    )
