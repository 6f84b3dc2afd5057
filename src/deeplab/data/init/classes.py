"""Classes and void: what the values or colours in label maps mean, as far as can be told.

Whatever is assumed is said in a note, with the option that says otherwise.
"""

from collections.abc import Sequence

from deeplab.data.init.class_files import NamedClasses
from deeplab.data.init.meaning import Classes
from deeplab.data.init.painted import classes_of_colours
from deeplab.data.init.survey import Survey
from deeplab.data.init.values import classes_of_values


def infer_classes(
    survey: Survey,
    given: NamedClasses | None,
    *,
    name: str,
    void: Sequence[int] | None = None,
) -> Classes:
    """Find out classes and void.

    Args:
        survey: What label maps hold.
        given: The names of the classes, if there are some.
        name: Of the data set.
        void: Values that are void; none of them: only 255 is; None: find out.

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
    return classes_of_values(survey, given, name=name, void=void)
