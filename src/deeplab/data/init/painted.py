"""Classes of label maps that are painted in colours: by a file of names and colours, or found."""

from collections.abc import Mapping, Sequence

from deeplab.data.coding import LabelCoding
from deeplab.data.init.class_files import NamedClasses, is_void_name
from deeplab.data.init.meaning import Classes
from deeplab.data.init.smooth import SMOOTH, blends_colours
from deeplab.data.init.survey import to_code, to_colour
from deeplab.labels import VOID, Colour, LabelSet, voc_palette

_MOST_SHOWN = 8


def classes_of_colours(
    counts: Mapping[int, int], given: NamedClasses | None, *, name: str
) -> Classes:
    """Find out what colours mean.

    Args:
        counts: Pixels of each colour, as `survey.to_code`.
        given: The names of the classes, and their colours, if somebody gives them.
        name: Of the data set.

    Raises:
        ValueError: Colours that have no name, or that are blends of others.
    """
    own_void = to_code(voc_palette()[VOID])
    found = {code: count for code, count in counts.items() if code != own_void}
    notes: list[str] = []
    pairs = _named_colours(found, given) if given and given.colours else None
    if pairs is None:
        pairs = _found_colours(found, given, notes)
    names, palette, void_colours = [], [], []
    for class_name, colour in pairs:
        if is_void_name(class_name):
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
    if blends_colours(found):
        often = sorted(found, key=lambda code: -found[code])
        raise ValueError(
            f"label maps hold {len(found)} colours (the most frequent: {_show(often)}): {SMOOTH}"
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
        return SMOOTH
    return f"add these colours to {source}, under the name 'void' if they mean nothing"


def _show(codes: Sequence[int]) -> str:
    shown = ", ".join(str(to_colour(code)) for code in codes[:_MOST_SHOWN])
    return shown + (", ..." if len(codes) > _MOST_SHOWN else "")
