"""`deeplab crf PHOTO SCORES`: refine class scores that come from anywhere."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from deeplab.cli.arguments import CrfChoice, KeptClasses, Simplify, split_list
from deeplab.cli.outcomes import show


def refine(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="Picture file.")],
    scores: Annotated[
        Path,
        typer.Argument(
            metavar="SCORES.npz",
            help="npz or npy: class scores before softmax (`scores`), or `probabilities`, of shape "
            "(classes, rows, columns), as large as the photo or coarser.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("refined"),
    crf: CrfChoice = "resnet101",
    stride: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Pixels from one score to the next, the first on the top left pixel; scores may "
            "go on beyond the photo. Default: they span it, corners on corners.",
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Name of the array in the npz; default: the only possible.")
    ] = None,
    longest_side: Annotated[
        int | None,
        typer.Option(min=1, help="Shrink larger photos to so many pixels for the CRF alone."),
    ] = None,
    save: Annotated[
        str,
        typer.Option(
            help="What to save: mask, overlay, probs (the marginals), and all else that "
            "`deeplab segment` saves."
        ),
    ] = "mask,overlay",
    classes: KeptClasses = "",
    simplify: Simplify = 0,
) -> None:
    """Refine class scores along the edges of their photo: NAME.mask.png and NAME.overlay.jpg.

    What was assumed about the scores is told on standard error.
    """
    from deeplab import imaging, inference

    parameters = inference.find_crf(crf or inference.DEFAULT_PRESET)
    file = inference.read_scores(scores, key=key)
    card = inference.describe_classes(len(file.scores), file.class_names)
    outputs, kept = split_list(save), split_list(classes)
    inference.check_outputs(outputs, kept, card.class_names, simplify_px=simplify)
    scored, place = inference.place_scores(
        file, imaging.read_picture(photo), stride=stride, longest_side=longest_side
    )
    print(f"{scores}: {file.reading}; {place}", file=sys.stderr)
    labelled = inference.label_picture(scored, card, parameters)
    result = dataclasses.replace(labelled, source=photo)
    wanted = cast("list[inference.Output]", outputs)  # checked above
    paths = result.save(out / photo.stem, outputs=wanted, classes=kept, simplify_px=simplify)
    height, width = result.labels.shape
    show(inference.Outcome(str(photo), "done", paths, (height, width), result.found()))
