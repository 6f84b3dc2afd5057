"""Classes that are known by the names of folders and files, where nobody names them."""

from collections.abc import Iterable

from deeplab.data.cityscapes_files import CLASSES_SUFFIX, IDS_SUFFIX
from deeplab.data.init.class_files import NamedClasses
from deeplab.data.init.parts import Item
from deeplab.data.init.survey import Survey
from deeplab.labels import CITYSCAPES, CITYSCAPES_LABELS, VOC12, VOID, voc_palette

_VOC = NamedClasses("PASCAL VOC", VOC12.class_names, colours=VOC12.palette)
_VOC_FOLDER = "SegmentationClass"
_WITH_IDS = tuple(label for label in CITYSCAPES_LABELS if label.label_id >= 0)
_CITYSCAPES_IDS = NamedClasses(
    "Cityscapes (the 19 that are scored; label ids)",
    tuple(label.name if label.is_scored else "void" for label in _WITH_IDS),
    tuple(label.label_id for label in _WITH_IDS),
    tuple(label.colour for label in _WITH_IDS),
)
_CITYSCAPES = NamedClasses(
    "Cityscapes (train ids)", CITYSCAPES.class_names, colours=CITYSCAPES.palette
)


def known_classes(items: Iterable[Item], survey: Survey) -> NamedClasses | None:
    """Recognise the data sets of the paper; None: it is none of them.

    Args:
        items: Pictures with label maps.
        survey: What these hold.
    """
    paths = [item.label_path for item in items if item.label_path is not None]
    for suffix, classes in ((IDS_SUFFIX, _CITYSCAPES_IDS), (CLASSES_SUFFIX, _CITYSCAPES)):
        if all(path.name.endswith(suffix) for path in paths):
            return classes
    is_voc = all(path.parent.name.startswith(_VOC_FOLDER) for path in paths)
    return _VOC if is_voc and _holds_voc(survey) else None


def _holds_voc(survey: Survey) -> bool:
    known = {*range(len(VOC12.class_names)), VOID}
    expected = voc_palette()
    return (
        not survey.is_painted
        and survey.counts.keys() <= known
        and all(
            colour in (expected[value], (value, value, value))
            for value, colour in survey.palette.items()
        )
    )
