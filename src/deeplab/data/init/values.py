"""Classes of label maps that hold values: by their names, as far as there are some, and void."""

from collections.abc import Mapping, Sequence

from deeplab.data.coding import LabelCoding
from deeplab.data.init.borders import runs_along_borders
from deeplab.data.init.class_files import NamedClasses, is_void_name
from deeplab.data.init.meaning import Classes
from deeplab.data.init.smooth import SMOOTH, blends_values
from deeplab.data.init.survey import Survey
from deeplab.labels import VOID, Colour, LabelSet, voc_palette

_WIDE_VOID = 65535
_MOST_SHOWN = 8


def classes_of_values(
    survey: Survey, given: NamedClasses | None, *, name: str, void: Sequence[int] | None
) -> Classes:
    """Find out what values mean.

    Args:
        survey: What label maps hold.
        given: The names of the classes, if somebody gives them.
        name: Of the data set.
        void: Values that are void; none of them: only 255 is; None: find out.

    Raises:
        ValueError: Values that fit to no names, or that are blends of others.
    """
    if blends_values(survey.counts):
        raise ValueError(f"label maps hold {len(survey.counts)} values between 0 and 255: {SMOOTH}")
    notes: list[str] = []
    if given:
        table = _named_values(survey, given, void or (), notes)
    else:
        table = _found_values(survey, void, notes)
    void_values = _void_values(survey, table, void, given, notes)
    return _of_values(survey, table, void_values, given, name, notes)


def _named_values(
    survey: Survey, given: NamedClasses, void: Sequence[int], notes: list[str]
) -> dict[int, str]:
    """Give each value its name, void ones too: as the file says, else in its order."""
    found = {value for value in survey.counts if value != _WIDE_VOID}
    names = list(given.names)
    if given.labels is not None:
        return dict(zip(given.labels, names, strict=True))
    if found == {0, VOID} and len(names) <= 2:
        names = names if len(names) == 2 else ["background", *names]
        return dict(zip((0, VOID), names, strict=True))
    strange = sorted(found - set(range(len(names))) - {VOID, *void})
    if strange != [len(names)] or runs_along_borders(survey, strange[0]):
        return dict(enumerate(names))
    if 0 not in found:
        notes.append(
            f"values: label maps hold 1..{len(names)}, taken for the {len(names)} names of "
            f"{given.source} in their order; 0 is void"
        )
        return {0: "void"} | dict(enumerate(names, start=1))
    if "background" not in names:
        notes.append(
            f"classes: label maps hold one value more than {given.source} has names; value 0 was "
            f"called background and put in front (if {len(names)} is void instead: --void "
            f"{len(names)})"
        )
        return dict(enumerate(["background", *names]))
    return dict(enumerate(names))


def _found_values(survey: Survey, void: Sequence[int] | None, notes: list[str]) -> dict[int, str]:
    """Name the values that occur by their numbers."""
    found = sorted(value for value in survey.counts if value != _WIDE_VOID)
    if found in ([0, VOID], [0, 1], [0, 1, VOID]) and not void:
        values = found[:2]
        notes.append(
            f"classes: label maps hold {values[0]} and {values[1]}, taken for background and "
            "foreground (else: --classes A,B)"
        )
        return dict(zip(values, ("background", "foreground"), strict=True))
    below = [value for value in found if value != VOID]
    if not below:
        raise ValueError("all label maps are void (255) everywhere: there is nothing to learn")
    if len(below) <= max(below) / 2:
        values = found if len(found) > 1 and found[-1] == VOID and void is None else below
        notes.append(
            f"values: label maps hold {', '.join(map(str, values[:_MOST_SHOWN]))}"
            f"{', ...' if len(values) > _MOST_SHOWN else ''}, each taken for a class "
            "(void among them: --void VALUE)"
        )
        return {value: f"class_{value}" for value in values}
    start = min(below) if min(below) <= 1 else 0
    return {value: f"class_{value}" for value in range(start, max(below) + 1)}


def _void_values(
    survey: Survey,
    table: Mapping[int, str],
    void: Sequence[int] | None,
    given: NamedClasses | None,
    notes: list[str],
) -> set[int]:
    """Find the values that are void: given, named so, or the highest one along borders."""
    named = {value for value, name in table.items() if is_void_name(name)}
    if void is not None:
        return named | set(void)
    highest = max((value for value in survey.counts if value not in (VOID, _WIDE_VOID)), default=0)
    is_beyond = highest not in table
    is_unnamed = given is None and table.get(highest, "").startswith("class_")
    if (is_beyond or is_unnamed) and runs_along_borders(survey, highest):
        notes.append(
            f"void: {highest}, the highest value, which lies along the borders of the others "
            "(if it is a class: --void none)"
        )
        return named | {highest}
    return named


def _of_values(
    survey: Survey,
    table: Mapping[int, str],
    void: set[int],
    given: NamedClasses | None,
    name: str,
    notes: list[str],
) -> Classes:
    values = sorted(set(table) - void)
    _check(survey, values, void, given)
    is_plain = values == list(range(len(values)))
    names = tuple(table[value] for value in values)
    if given is None and all(class_name.startswith("class_") for class_name in names):
        notes.append(
            f"classes: no names found, so they are {names[0]} to {names[-1]}; give them their "
            "names in data.yaml, or now with --classes A,B,.."
        )
    void_of_names = sorted(void - {VOID})
    coding = LabelCoding(values=() if is_plain else tuple(values), void=tuple(void_of_names))
    label_of = {value: VOID for value in (VOID, _WIDE_VOID, *void)}
    label_of |= {value: label for label, value in enumerate(values)}
    return Classes(
        LabelSet(name, names, _palette(survey, values, given)), coding, label_of, tuple(notes)
    )


def _check(
    survey: Survey, values: Sequence[int], void: set[int], given: NamedClasses | None
) -> None:
    if not values:
        raise ValueError("no class is left: all values are void; give fewer with --void")
    strange = sorted(set(survey.counts) - set(values) - void - {VOID, _WIDE_VOID})
    if strange and given:
        shown = ", ".join(map(str, strange[:_MOST_SHOWN]))
        raise ValueError(
            f"label maps hold the values {shown}, but {given.source} names {len(given.names)} "
            f"classes ({values[0]}..{values[-1]}): complete the names, or say that these are void "
            f"with --void {','.join(map(str, strange[:_MOST_SHOWN]))}"
        )
    if (
        given
        and max(survey.counts) == VOID
        and survey.counts.keys() <= {0, VOID}
        and len(values) > 2
    ):
        raise ValueError(
            f"label maps hold 0 and 255 alone, but {given.source} names {len(values)} classes: "
            "these are masks of one object each; merge them into one label map per picture"
        )


def _palette(
    survey: Survey, values: Sequence[int], given: NamedClasses | None
) -> tuple[Colour, ...]:
    """Take the colours of the class file, or of the files' own palettes if these tell all apart."""
    if given and given.colours:
        labels = given.labels or range(len(given.names))
        colour_of = dict(zip(labels, given.colours, strict=True))
        if all(value in colour_of for value in values):
            return tuple(colour_of[value] for value in values)
    own = [survey.palette.get(value) for value in values]
    known = [colour for colour in own if colour is not None]
    if None not in own and len(set(known)) == len(own) and any(len(set(c)) > 1 for c in known):
        return tuple(known)
    return voc_palette(len(values))
