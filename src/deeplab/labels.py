"""Class names, their colours, and what label indices mean.

A label map holds one index per pixel: 0..K-1 for the K classes of a label set, 255 for void.
Colours are RGB, 0..255.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

VOID = 255
"""The label of pixels that belong to no class; never scored, never trained on."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class LabelSet:
    """Names and colours of the classes of one data set, in label order.

    Attributes:
        name: What the set is called in recipes and on the command line.
        class_names: K different names; the position is the label.
        palette: K colours, RGB 0..255, in the same order.
    """

    name: str
    class_names: tuple[str, ...]
    palette: tuple[Colour, ...]

    def __post_init__(self) -> None:
        """Refuse names and colours that do not fit together."""
        _check_class_names(self.class_names)
        if len(self.palette) != len(self.class_names):
            raise ValueError(
                f"label set {self.name!r}: {len(self.class_names)} class names but "
                f"{len(self.palette)} colours; give one colour for each class"
            )
        for colour in self.palette:
            if len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
                raise ValueError(
                    f"label set {self.name!r}: colour {colour}; "
                    "a colour is three numbers (red, green, blue) of 0..255"
                )


def voc_palette(num_colours: int = 256) -> tuple[Colour, ...]:
    """Make the first colours of the palette that the PASCAL VOC devkit uses.

    The bits of the index are dealt out to red, green and blue in turn, highest colour bit first,
    so that neighbouring indices look different. Void (255) comes out as (224, 224, 192).

    Args:
        num_colours: How many colours to make, 1..256.
    """
    return tuple(_voc_colour(index) for index in range(num_colours))


def named(class_names: Sequence[str], name: str = "custom") -> LabelSet:
    """Make a label set of one's own classes, with the VOC palette's colours.

    Args:
        class_names: Up to 255 different names, in label order.
        name: What to call the set.
    """
    return LabelSet(name, tuple(class_names), voc_palette(len(class_names)))


def find_classes(class_names: Sequence[str], wanted: Iterable[str]) -> tuple[int, ...]:
    """Look up the labels of classes by name.

    Args:
        class_names: The names that exist, in label order.
        wanted: The names to look up.

    Raises:
        ValueError: A name is unknown; the message gives the nearest one and all that exist.
    """
    return tuple(_find_class(class_names, name) for name in wanted)


def _check_class_names(class_names: tuple[str, ...]) -> None:
    if not 1 <= len(class_names) <= VOID:
        raise ValueError(f"{len(class_names)} class names: a label set has 1 to {VOID} classes")
    for position, name in enumerate(class_names):
        if not name.strip():
            raise ValueError(f"class {position} has an empty name; give every class a name")
        if name in class_names[:position]:
            raise ValueError(f"class name {name!r} occurs twice; give every class its own name")


def _voc_colour(index: int) -> Colour:
    red = green = blue = 0
    for shift in range(7, -1, -1):
        red |= (index & 1) << shift
        green |= (index >> 1 & 1) << shift
        blue |= (index >> 2 & 1) << shift
        index >>= 3
    return red, green, blue


def _find_class(class_names: Sequence[str], name: str) -> int:
    if name in class_names:
        return class_names.index(name)
    near = difflib.get_close_matches(name, class_names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"unknown class {name!r}: {hint}known classes: {', '.join(class_names)}")


VOC12 = named(
    (
        "background",
        "aeroplane",
        "bicycle",
        "bird",
        "boat",
        "bottle",
        "bus",
        "car",
        "cat",
        "chair",
        "cow",
        "diningtable",
        "dog",
        "horse",
        "motorbike",
        "person",
        "pottedplant",
        "sheep",
        "sofa",
        "train",
        "tvmonitor",
    ),
    name="voc12",
)
"""PASCAL VOC 2012: 20 kinds of objects and the background."""

PASCAL_CONTEXT = named(
    (
        *VOC12.class_names,
        *("bag", "bed", "bench", "book", "building", "cabinet", "ceiling", "clothes", "computer"),
        *("cup", "door", "fence", "floor", "flower", "food", "grass", "ground", "keyboard"),
        *("light", "mountain", "mouse", "curtain", "platform", "sign", "plate", "road", "rock"),
        *("shelves", "sidewalk", "sky", "snow", "bedcloth", "track", "tree", "truck", "wall"),
        *("water", "window", "wood"),
    ),
    name="pascal-context",
)
"""PASCAL-Context: its 59 most frequent classes and the background, VOC's 20 first."""

PERSON_PART = named(
    (
        "background",
        "head",
        "torso",
        "upper arms",
        "lower arms",
        "upper legs",
        "lower legs",
    ),
    name="person-part",
)
"""PASCAL-Person-Part: six parts of the body and the background."""

COCO91 = named(
    (
        *("background", "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train"),
        *("truck", "boat", "traffic light", "fire hydrant", "unused 12", "stop sign"),
        *("parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant"),
        *("bear", "zebra", "giraffe", "unused 26", "backpack", "umbrella", "unused 29"),
        *("unused 30", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard"),
        *("sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard"),
        *("tennis racket", "bottle", "unused 45", "wine glass", "cup", "fork", "knife", "spoon"),
        *("bowl", "banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog"),
        *("pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "unused 66"),
        *("dining table", "unused 68", "unused 69", "toilet", "unused 71", "tv", "laptop"),
        *("mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink"),
        *("refrigerator", "unused 83", "book", "clock", "vase", "scissors", "teddy bear"),
        *("hair drier", "toothbrush"),
    ),
    name="coco91",
)
"""MS COCO as DeepLab's networks were trained on it first: label = category id, 0..90.

Ten ids belong to no category of the published annotations; they never occur in label maps.
"""

COCO_VOC20 = named(VOC12.class_names, name="coco-voc20")
"""MS COCO's pictures with the 20 kinds of objects of PASCAL VOC, and the background."""

LABEL_SETS = {
    label_set.name: label_set
    for label_set in (VOC12, PASCAL_CONTEXT, PERSON_PART, COCO91, COCO_VOC20)
}
"""The label sets that recipes can name."""
