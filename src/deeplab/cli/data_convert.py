"""`deeplab data convert`: the annotations of a tool become a data set."""

from pathlib import Path
from typing import Annotated

import typer

from deeplab.cli.arguments import split_list
from deeplab.cli.progress import show_progress


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="FROM", help="Annotation file, or folder that holds some.")
    ],
    target: Annotated[Path, typer.Option("--to", help="Folder for the data set.")],
    format_name: Annotated[
        str, typer.Option("--format", help="coco, labelme, cvat, labelstudio; auto finds out.")
    ] = "auto",
    classes: Annotated[
        str, typer.Option(help="Names of the classes to keep, in order; all others are left out.")
    ] = "",
    void: Annotated[str, typer.Option(help="Names of classes that become void.")] = "",
    images: Annotated[
        Path | None, typer.Option(help="Where the pictures are, if not below FROM.")
    ] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out pictures that are not found.")
    ] = False,
    line_width: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Of lines, in pixels [as the tool draws them]."),
    ] = None,
    crowds: Annotated[
        str, typer.Option(help="COCO's iscrowd: void, objects, or auto (objects if most are).")
    ] = "auto",
) -> None:
    """Make label maps, lists and data.yaml of annotations: COCO, labelme, CVAT, Label Studio.

    Background is class 0. The same command goes on after an interruption.
    """
    from deeplab.data.annotated import ReadOptions
    from deeplab.data.convert import ConvertOptions
    from deeplab.data.convert import convert as convert_annotations

    if crowds not in ("auto", "void", "objects"):
        raise ValueError(f"--crowds {crowds}: allowed are auto, void and objects")
    with show_progress("converting", "converted") as tell:
        options = ConvertOptions(
            format=format_name,
            class_names=tuple(split_list(classes)),
            void=tuple(split_list(void)),
            images_dir=images,
            skip_missing=skip_missing,
            reading=ReadOptions(line_width, crowds),
            tell=tell,
        )
        converted = convert_annotations(source, target, options)
    print(f"taken for {converted.format}")
    print(converted.prepared.summary())
    for note in converted.notes:
        typer.echo(f"note: {note}", err=True)
