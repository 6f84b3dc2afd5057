"""`deeplab weights show`: the card of a weight file, or the record of one that others published."""

from typing import Annotated

import typer


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A name, a .safetensors or an .onnx file.")
    ],
    path: Annotated[bool, typer.Option("--path", help="Print only where the file lies.")] = False,
) -> None:
    """Show what is known of weights: classes, scores, origin, licences, and what to beware of."""
    from deeplab.runs import weight_files

    if path:
        print(weight_files.find_file(name))
        return
    rows = weight_files.describe(name)
    width = max(len(heading) for heading, _ in rows)
    for heading, text in rows:
        print(f"{heading:{width}}  {text}")
