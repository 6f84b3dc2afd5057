"""Classes that are known by the names of folders and files, where nobody names them."""

from collections.abc import Iterable

from deeplab.data.init.class_files import NamedClasses
from deeplab.data.init.parts import Item
from deeplab.data.init.survey import Survey
from deeplab.labels import VOC12, VOID, voc_palette

_VOC = NamedClasses("PASCAL VOC", VOC12.class_names, colours=VOC12.palette)
_VOC_FOLDER = "SegmentationClass"


def known_classes(items: Iterable[Item], survey: Survey) -> NamedClasses | None:
    """Recognise the data sets of the paper; None: it is none of them.

    Args:
        items: Pictures with label maps.
        survey: What these hold.
    """
    paths = [item.label_path for item in items if item.label_path is not None]
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
