"""`deeplab weights import`: a checkpoint of others becomes files that all commands take."""

from pathlib import Path
from typing import Annotated

import typer


def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NAME", help="Checkpoint (.caffemodel, .pth, ...), or a fetched name."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder; default: the cache, where commands find it by its name."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    layout: Annotated[
        str | None, typer.Option(help="How its tensors are named; default: told by the file.")
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(metavar="NAMES.txt", help="Names of its outputs, one a line."),
    ] = None,
    no_onnx: Annotated[
        bool, typer.Option("--no-onnx", help="Only the checkpoint, no network file.")
    ] = False,
    half: Annotated[
        bool, typer.Option("--half", help="Store filters in 16 bits: half the size.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is there under this name.")
    ] = False,
) -> None:
    """Import weights: NAME.safetensors to train from, and NAME.onnx for photos.

    Which network it is, is told by the names of its tensors. Nothing is written unless the network
    file scores real photos as the network does.
    """
    from deeplab.runs import weight_import

    done = weight_import.import_weights(
        source,
        name=name,
        out_dir=out,
        layout=layout,
        class_names=None if classes is None else weight_import.read_class_names(classes),
        with_network=not no_onnx,
        half=half,
        overwrite=overwrite,
    )
    print(
        f"recognised: {done.card.provenance.get('layout', 'a checkpoint of deeplab')}, "
        f"{done.config.backbone}, output stride {done.card.output_stride}, "
        f"{len(done.card.class_names)} classes, {done.num_parameters:,} parameters"
    )
    for path in (done.checkpoint_path, done.network_path):
        if path is not None:
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    if done.agreement is not None:
        print(
            f"checked on pictures of {done.agreement.num_sizes} sizes: class scores differ by at "
            f"most {done.agreement.largest_difference:.1e} of the largest, "
            f"{done.agreement.same_labels:.2%} of the labels are the same"
        )
    if done.network_path is not None:
        weights = done.name if out is None else done.network_path
        print(f"next: deeplab segment PHOTO --weights {weights}")
    else:
        if "head" in done.card.provenance:
            print(f"last layers: {done.card.provenance['head']}")
        weights = done.name if out is None else done.checkpoint_path
        print(f"next: deeplab train RECIPE --set model.init={weights}")
