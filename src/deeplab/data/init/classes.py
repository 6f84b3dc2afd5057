"""Classes and void: what the values or colours in label maps mean, as far as can be told.

Whatever is assumed is said in a note, with the option that says otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace

from deeplab.data.init.class_files import NamedClasses
from deeplab.data.init.meaning import Classes
from deeplab.data.init.painted import classes_of_colours
from deeplab.data.init.survey import Survey
from deeplab.data.init.values import classes_of_values
from deeplab.labels import VOC12, VOID, voc_palette

_VOC = NamedClasses("PASCAL VOC", VOC12.class_names, colours=VOC12.palette)


def infer_classes(
    survey: Survey,
    given: NamedClasses | None,
    *,
    name: str,
    void: Sequence[int] | None = None,
    is_voc: bool = False,
) -> Classes:
    """Find out classes and void.

    Args:
        survey: What label maps hold.
        given: The names of the classes, if there are some.
        name: Of the data set.
        void: Values that are void; none of them: only 255 is; None: find out.
        is_voc: The folders are those of PASCAL VOC, whose classes are known.

    Raises:
        ValueError: Label maps hold other things than classes, or others than are named.
    """
    if survey.is_painted:
        if void:
            raise ValueError(
                f"--void {void[0]}: these label maps hold colours, no values; name the colour "
                "'void' in a class file of names and colours (classes.csv: name,r,g,b)"
            )
        return classes_of_colours(survey.counts, given, name=name)
    if given is None and is_voc and _looks_like_voc(survey):
        classes = classes_of_values(survey, _VOC, name=name, void=void)
        note = "classes: the 20 of PASCAL VOC and background, by folders and values"
        return replace(classes, notes=(note, *classes.notes))
    return classes_of_values(survey, given, name=name, void=void)


def _looks_like_voc(survey: Survey) -> bool:
    known = {*range(len(VOC12.class_names)), VOID}
    expected = voc_palette()
    return survey.counts.keys() <= known and all(
        colour in (expected[value], (value, value, value))
        for value, colour in survey.palette.items()
    )
