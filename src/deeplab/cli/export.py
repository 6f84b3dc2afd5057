"""`deeplab export`: a trained checkpoint becomes a network file."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer


def export(
    checkpoint: Annotated[
        str, typer.Argument(metavar="CHECKPOINT", help="Checkpoint (.safetensors) or its name.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.onnx", help="Network file to write.")],
    half: Annotated[
        bool, typer.Option("--half", help="Store filters in 16 bits: half the size, same speed.")
    ] = False,
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

    if crf == inference.STORED:
        raise ValueError("--crf: say which parameters to store, a .yaml file or a preset")
    trained = models.load_checkpoint(checkpoint)
    card = trained.card
    if crf is not None:
        parameters = inference.plain_parameters(inference.find_crf(crf))
        card = dataclasses.replace(card, crf=parameters)
    agreement = exporting.export_network(
        trained.network,
        card,
        out,
        pictures=exporting.read_check_pictures(pictures, num_bands=card.num_bands),
        half=half,
    )
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
    print(
        f"checked on pictures of {agreement.num_sizes} sizes: class scores differ by at most "
        f"{agreement.largest_difference:.1e} of the largest, "
        f"{agreement.same_labels:.2%} of the labels are the same"
    )
