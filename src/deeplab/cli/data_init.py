"""`deeplab data init`: look at a folder of pictures and label maps, and write its `data.yaml`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deeplab.cli.arguments import split_list
from deeplab.cli.progress import show_progress

if TYPE_CHECKING:
    from deeplab.data.init import Plan


def init(
    folder: Annotated[Path, typer.Argument(help="Holds pictures and label maps, in any layout.")],
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures, if it is not found.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Folder of the label maps, if it is not found.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Names of the classes, label 0 first.")
    ] = None,
    void: Annotated[
        str | None,
        typer.Option(metavar="VALUES|none", help="Values that are void, beside 255, such as 11."),
    ] = None,
    val: Annotated[
        float | None,
        typer.Option(help="Share of the pictures for val, where there are no splits; 0.2."),
    ] = None,
    test: Annotated[float, typer.Option(help="Share for test.")] = 0.0,
    seed: Annotated[int, typer.Option(help="For dealing pictures to splits.")] = 0,
    distance: Annotated[
        int, typer.Option(help="Of 128 bits, how many differ in near-duplicates at most.")
    ] = 16,
    to: Annotated[
        Path | None, typer.Option(help="Folder for data.yaml and lists, if not the same one.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace data.yaml and lists that are there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be written, write nothing.")
    ] = False,
) -> None:
    """Look at a folder, find out layout, classes, void and splits, and write data.yaml.

    Pictures without splits are dealt to train and val so that near-duplicates and neighbouring
    frames of a video never stand on both sides. No file of yours is changed.
    """
    from deeplab.data.init import Wishes, look, write

    wishes = Wishes(
        images=images and _below(images, folder),
        masks=masks and _below(masks, folder),
        classes=tuple(split_list(classes or "")),
        void=_parse_void(void),
        val=val,
        test=test,
        seed=seed,
        distance=distance,
        target=to,
        overwrite=overwrite,
    )
    with show_progress("looking at", "looked at") as tell:
        plan = look(folder, wishes, tell=tell)
    _show(plan)
    if dry_run:
        _show_files(plan)
        return
    write(plan)
    for path in plan.files:
        print(f"written: {path}")
    data = plan.description.root
    print(f"next:    deeplab data check {data}")
    print(f"         deeplab train RECIPE --data {data}")


def _below(given: Path, folder: Path) -> Path:
    """Take a folder as it is given, or below the data set's."""
    return folder / given if (folder / given).is_dir() else given


def _parse_void(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    values = [] if text == "none" else split_list(text)
    if not all(value.isdigit() for value in values):
        raise ValueError(
            f"--void {text}: give whole numbers with commas between, such as 11, or none"
        )
    return tuple(map(int, values))


def _show(plan: "Plan") -> None:
    from rich.console import Console

    print(f"layout:  {plan.what}")
    splits = ", ".join(f"{split} {count}" for split, count in plan.num_pictures.items())
    print(f"splits:  {splits} pictures")
    coding = plan.description.coding
    void = ", ".join(map(str, (*coding.void, *coding.void_colours))) or "none"
    print(f"void:    {void} (and 255)")
    Console().print(_class_table(plan))
    for note in plan.notes:
        print(f"note:    {note}")


def _class_table(plan: "Plan") -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table("label", "class")
    shown = [split for split, pixels in plan.pixels.items() if pixels.sum()]
    for heading in ("pictures", *(f"share of {split}" for split in shown)):
        table.add_column(heading, justify="right")
    names = (*plan.description.label_set.class_names, "void")
    for label, name in enumerate(names):
        is_void = label == len(names) - 1
        shares = [plan.pixels[split][label] / plan.pixels[split].sum() for split in shown]
        table.add_row(
            "" if is_void else str(label),
            Text(name),
            "" if is_void else str(plan.num_with[label]),
            *(f"{100 * share:.2f} %" for share in shares),
        )
    return table


def _show_files(plan: "Plan") -> None:
    for path, text in plan.files.items():
        if path.suffix == ".yaml":
            print(f"\n{path} would be:\n\n{text}")
        else:
            print(f"{path} would name {len(text.splitlines())} pictures")
