"""Classes and void: what the values or colours in label maps mean, as far as can be told.

Whatever is assumed is said in a note, with the option that says otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deeplab.data.coding import LabelCoding
from deeplab.data.init.borders import runs_along_borders
from deeplab.data.init.class_files import NamedClasses
from deeplab.data.init.survey import MOST_COLOURS, Survey, to_code, to_colour
from deeplab.labels import VOC12, VOID, Colour, LabelSet, voc_palette

_WIDE_VOID = 65535
_VOID_NAMES = frozenset(
    {"void", "ignore", "ignored", "unlabeled", "unlabelled", "don't_care", "dontcare"}
)
_MOST_SHOWN = 8
_FEW = 1e-4  # of all pixels: what no class has in a whole data set, but blurred borders do


@dataclass(frozen=True)
class Classes:
    """What label maps mean.

    Attributes:
        label_set: The classes.
        coding: Their values or colours, and those of void.
        label_of: The label of each value, or colour (as `survey.to_code`), that occurs; 255: void.
        notes: What was assumed, one sentence each.
    """

    label_set: LabelSet
    coding: LabelCoding
    label_of: Mapping[int, int]
    notes: tuple[str, ...]


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
        return _painted(survey, given, name, void)
    notes: list[str] = []
    if given is None and is_voc and _looks_like_voc(survey):
        notes.append("classes: the 20 of PASCAL VOC and background, by folders and values")
        given = NamedClasses("PASCAL VOC", VOC12.class_names, colours=VOC12.palette)
    table = _named_values(survey, given, notes) if given else _found_values(survey, void, notes)
    void_values = _void_values(survey, table, void, given, notes)
    return _of_values(survey, table, void_values, given, name, notes)


def _painted(
    survey: Survey, given: NamedClasses | None, name: str, void: Sequence[int] | None
) -> Classes:
    if void:
        raise ValueError(
            f"--void {void[0]}: these label maps hold colours, no values; name the colour 'void' "
            "in a class file of names and colours (classes.csv: name,r,g,b)"
        )
    own_void = to_code(voc_palette()[VOID])
    found = {code: count for code, count in survey.counts.items() if code != own_void}
    notes: list[str] = []
    pairs = _named_colours(found, given) if given and given.colours else None
    if pairs is None:
        pairs = _found_colours(found, given, notes)
    names, palette, void_colours = [], [], []
    for class_name, colour in pairs:
        if _is_void_name(class_name):
            void_colours.append(colour)
        else:
            names.append(class_name)
            palette.append(colour)
    label_of = {to_code(colour): label for label, colour in reversed([*enumerate(palette)])}
    label_of |= {to_code(colour): VOID for colour in (*void_colours, to_colour(own_void))}
    coding = LabelCoding(colours=tuple(palette), void_colours=tuple(void_colours))
    return Classes(LabelSet(name, tuple(names), tuple(palette)), coding, label_of, tuple(notes))


def _named_colours(found: Mapping[int, int], given: NamedClasses) -> list[tuple[str, Colour]]:
    pairs = list(zip(given.names, given.colours or (), strict=True))
    strange = sorted(set(found) - {to_code(colour) for _, colour in pairs}, key=lambda c: -found[c])
    if strange:
        share = sum(found[code] for code in strange) / sum(found.values())
        raise ValueError(
            f"{len(strange)} colours in label maps are not in {given.source} ({_show(strange)}; "
            f"{100 * share:.2g} % of all pixels): " + _advise(strange, given.source)
        )
    return pairs


def _found_colours(
    found: Mapping[int, int], given: NamedClasses | None, notes: list[str]
) -> list[tuple[str, Colour]]:
    total = sum(found.values())
    few = [code for code, count in found.items() if count < _FEW * total]
    if len(found) > MOST_COLOURS or (len(few) > 2 and len(few) > len(found) / 2):
        often = sorted(found, key=lambda code: -found[code])
        raise ValueError(
            f"label maps hold {len(found)} colours, most of them in very few pixels (the most "
            f"frequent: {_show(often)}): " + _advise(few, "a class file (classes.csv: name,r,g,b)")
        )
    colours = [to_colour(code) for code in sorted(found)]
    if given and len(given.names) != len(colours):
        raise ValueError(
            f"{given.source} names {len(given.names)} classes, the label maps hold {len(colours)} "
            f"colours ({_show(sorted(found))}): give names and colours in one file, classes.csv: "
            "name,r,g,b"
        )
    if given:
        notes.append(
            f"classes: names of {given.source} were given to the colours from dark to light; check "
            "that each name has its colour in data.yaml"
        )
        return list(zip(given.names, colours, strict=True))
    if set(found) == {0, 0xFFFFFF}:
        notes.append("classes: black is background, white foreground (else: --classes A,B)")
        return list(zip(("background", "foreground"), colours, strict=True))
    notes.append(
        f"classes: no names found for the {len(colours)} colours, so they are class_0 to "
        f"class_{len(colours) - 1}; give them their names in data.yaml"
    )
    return [(f"class_{label}", colour) for label, colour in enumerate(colours)]


def _advise(strange: Sequence[int], source: str) -> str:
    if len(strange) > 2:
        return (
            "this looks like smooth (anti-aliased) borders or resizing, which blend the colours of "
            "two classes; export label maps without smoothing, and resize them with nearest "
            "neighbour"
        )
    return f"add these colours to {source}, under the name 'void' if they mean nothing"


def _named_values(survey: Survey, given: NamedClasses, notes: list[str]) -> dict[int, str]:
    """Give each value its name, void ones too: as the file says, else in its order."""
    found = {value for value in survey.counts if value != _WIDE_VOID}
    names = list(given.names)
    if given.labels is not None:
        return dict(zip(given.labels, names, strict=True))
    if found == {0, VOID} and len(names) <= 2:
        names = names if len(names) == 2 else ["background", *names]
        return dict(zip((0, VOID), names, strict=True))
    strange = sorted(found - set(range(len(names))) - {VOID})
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
    named = {value for value, name in table.items() if _is_void_name(name)}
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


def _looks_like_voc(survey: Survey) -> bool:
    known = {*range(len(VOC12.class_names)), VOID}
    expected = voc_palette()
    return survey.counts.keys() <= known and all(
        colour in (expected[value], (value, value, value))
        for value, colour in survey.palette.items()
    )


def _is_void_name(name: str) -> bool:
    return name.strip().strip("_").lower().replace(" ", "_") in _VOID_NAMES


def _show(codes: Sequence[int]) -> str:
    shown = ", ".join(str(to_colour(code)) for code in codes[:_MOST_SHOWN])
    return shown + (", ..." if len(codes) > _MOST_SHOWN else "")
