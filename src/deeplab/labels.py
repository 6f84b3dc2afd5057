"""Class names, their colours, and what label indices mean.

A label map holds one index per pixel: 0..K-1 for the K classes of a label set, and void. Up to 255
classes it is uint8 and void is 255; beyond, it is uint16 and void is 65535.
Colours are RGB, 0..255.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

VOID = 255
"""The label of pixels that belong to no class; never scored, never trained on."""

WIDE_VOID = 65535
"""The same in label maps of more than 255 classes."""

MOST_CLASSES = 1000
"""The largest label set."""

Colour = tuple[int, int, int]

BACKGROUND_NAMES = frozenset({"background", "_background_", "__background__"})
"""What class 0 is called, in lower case, where it is all that no other class is."""


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


def void_of(num_classes: int) -> int:
    """Say which label is void in label maps of so many classes: 255, beyond 255 classes 65535."""
    return VOID if num_classes <= VOID else WIDE_VOID


def label_dtype(num_classes: int) -> type[np.uint8] | type[np.uint16]:
    """Say how wide label maps of so many classes are: uint8, beyond 255 classes uint16."""
    return np.uint8 if num_classes <= VOID else np.uint16


def voc_palette(num_colours: int = 256) -> tuple[Colour, ...]:
    """Make the first colours of the palette that the PASCAL VOC devkit uses.

    The bits of the index are dealt out to red, green and blue in turn, highest colour bit first,
    so that neighbouring indices look different. Void (255) comes out as (224, 224, 192).

    Args:
        num_colours: How many colours to make, 1 or more; all differ up to 2 ** 24.
    """
    return tuple(_voc_colour(index) for index in range(num_colours))


def named(class_names: Sequence[str], name: str = "custom") -> LabelSet:
    """Make a label set of one's own classes, with the VOC palette's colours.

    The colour of void is left to void: from class 255 on, classes have the colour after theirs.

    Args:
        class_names: Up to 1000 different names, in label order.
        name: What to call the set.
    """
    colours = voc_palette(len(class_names) + 1)
    palette = (*colours[:VOID], *colours[VOID + 1 :])[: len(class_names)]
    return LabelSet(name, tuple(class_names), palette)


def is_background(label: int, class_names: Sequence[str]) -> bool:
    """Say whether a label is what no other class is; Cityscapes, for one, has no such label."""
    return label == 0 and class_names[0].lower() in BACKGROUND_NAMES


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
    if not 1 <= len(class_names) <= MOST_CLASSES:
        raise ValueError(
            f"{len(class_names)} class names: a label set has 1 to {MOST_CLASSES} classes"
        )
    seen = set()
    for position, name in enumerate(class_names):
        if not name.strip():
            raise ValueError(f"class {position} has an empty name; give every class a name")
        if name in seen:
            raise ValueError(f"class name {name!r} occurs twice; give every class its own name")
        seen.add(name)


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


@dataclass(frozen=True)
class CityscapesLabel:
    """One of the labels that Cityscapes is annotated with.

    Attributes:
        label_id: What its label maps and its test server call it.
        name: Its name.
        category: Which of 7 categories it belongs to, or "void".
        colour: RGB 0..255.
        is_scored: It is one of the 19 classes; pixels of all others are void.
        has_instances: Single objects of it are told apart.
    """

    label_id: int
    name: str
    category: str
    colour: Colour
    is_scored: bool = False
    has_instances: bool = False


CITYSCAPES_LABELS = (
    CityscapesLabel(0, "unlabeled", "void", (0, 0, 0)),
    CityscapesLabel(1, "ego vehicle", "void", (0, 0, 0)),
    CityscapesLabel(2, "rectification border", "void", (0, 0, 0)),
    CityscapesLabel(3, "out of roi", "void", (0, 0, 0)),
    CityscapesLabel(4, "static", "void", (0, 0, 0)),
    CityscapesLabel(5, "dynamic", "void", (111, 74, 0)),
    CityscapesLabel(6, "ground", "void", (81, 0, 81)),
    CityscapesLabel(7, "road", "flat", (128, 64, 128), True),
    CityscapesLabel(8, "sidewalk", "flat", (244, 35, 232), True),
    CityscapesLabel(9, "parking", "flat", (250, 170, 160)),
    CityscapesLabel(10, "rail track", "flat", (230, 150, 140)),
    CityscapesLabel(11, "building", "construction", (70, 70, 70), True),
    CityscapesLabel(12, "wall", "construction", (102, 102, 156), True),
    CityscapesLabel(13, "fence", "construction", (190, 153, 153), True),
    CityscapesLabel(14, "guard rail", "construction", (180, 165, 180)),
    CityscapesLabel(15, "bridge", "construction", (150, 100, 100)),
    CityscapesLabel(16, "tunnel", "construction", (150, 120, 90)),
    CityscapesLabel(17, "pole", "object", (153, 153, 153), True),
    CityscapesLabel(18, "polegroup", "object", (153, 153, 153)),
    CityscapesLabel(19, "traffic light", "object", (250, 170, 30), True),
    CityscapesLabel(20, "traffic sign", "object", (220, 220, 0), True),
    CityscapesLabel(21, "vegetation", "nature", (107, 142, 35), True),
    CityscapesLabel(22, "terrain", "nature", (152, 251, 152), True),
    CityscapesLabel(23, "sky", "sky", (70, 130, 180), True),
    CityscapesLabel(24, "person", "human", (220, 20, 60), True, True),
    CityscapesLabel(25, "rider", "human", (255, 0, 0), True, True),
    CityscapesLabel(26, "car", "vehicle", (0, 0, 142), True, True),
    CityscapesLabel(27, "truck", "vehicle", (0, 0, 70), True, True),
    CityscapesLabel(28, "bus", "vehicle", (0, 60, 100), True, True),
    CityscapesLabel(29, "caravan", "vehicle", (0, 0, 90), False, True),
    CityscapesLabel(30, "trailer", "vehicle", (0, 0, 110), False, True),
    CityscapesLabel(31, "train", "vehicle", (0, 80, 100), True, True),
    CityscapesLabel(32, "motorcycle", "vehicle", (0, 0, 230), True, True),
    CityscapesLabel(33, "bicycle", "vehicle", (119, 11, 32), True, True),
    CityscapesLabel(-1, "license plate", "vehicle", (0, 0, 142)),
)
"""All labels of Cityscapes, as its own tools list them (cityscapesscripts, helpers/labels.py)."""

_SCORED = tuple(label for label in CITYSCAPES_LABELS if label.is_scored)

CITYSCAPES = LabelSet(
    "cityscapes",
    tuple(label.name for label in _SCORED),
    tuple(label.colour for label in _SCORED),
)
"""Cityscapes: the 19 classes that are scored, in the order of what its tools call train ids."""

CITYSCAPES_IDS = tuple(label.label_id for label in _SCORED)
"""The way back: the label id, as the test server wants it, of each of the 19 classes."""

CITYSCAPES_CATEGORIES = tuple(dict.fromkeys(label.category for label in _SCORED))
"""The 7 categories of the 19 classes."""

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
    for label_set in (VOC12, PASCAL_CONTEXT, PERSON_PART, CITYSCAPES, COCO91, COCO_VOC20)
}
"""The label sets that recipes can name."""
