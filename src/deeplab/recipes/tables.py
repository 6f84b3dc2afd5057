"""The paper's tables of results, each row with the recipe that reproduces it.

Reference: DeepLab v2, arXiv 1606.00915, Tables 1-4, 6, 7 and 9; scores are as printed there, mIoU
in percent. Rows that differ in the CRF alone share a recipe and stand in one row here: the CRF is
not trained with the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        cells: What the row sets, one text for each of the table's columns; a tick is "x".
        recipe: Name of the recipe.
        miou: What the paper has without the CRF, in percent.
        miou_with_crf: What it has with the CRF; None: no such row.
        measured: What we have measured with the recipe without the CRF, in percent, as in
            RESULTS.md; None: not trained by us.
        measured_with_crf: Likewise with the CRF.
    """

    cells: tuple[str, ...]
    recipe: str
    miou: float
    miou_with_crf: float | None = None
    measured: float | None = None
    measured_with_crf: float | None = None


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        number: In the paper.
        title: What it compares, and on what.
        columns: Headings of the cells.
        rows: In the paper's order.
        evaluate: Options of `deeplab evaluate` behind the weights, for the scores.
        crf: Option that adds the CRF.
        ours: What the paper does not say, so that it is ours; empty: nothing.
        remark: In what else the recipes are not as published; empty: nothing.
    """

    number: int
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    evaluate: str
    crf: str
    ours: str = ""
    remark: str = ""


def find_table(number: int) -> Table:
    """Look a table up by its number in the paper.

    Raises:
        ValueError: There are no recipes for it; the message says for which there are.
    """
    if number not in TABLES:
        known = ", ".join(f"{table.number} ({table.title})" for table in TABLES.values())
        raise ValueError(f"--table {number}: there are recipes for the paper's tables {known}")
    return TABLES[number]


def tables_of(recipe: str) -> tuple[Table, ...]:
    """List the tables that have a row for a recipe."""
    return tuple(
        table for table in TABLES.values() if any(row.recipe == recipe for row in table.rows)
    )


def _ticked(columns: tuple[str, ...], ticks: str) -> tuple[str, ...]:
    """Make cells of the names of the columns that are ticked."""
    chosen = ticks.split()
    return tuple("x" if column in chosen else "" for column in columns)


def _on(root: str) -> str:
    return f"--data {root} --split val"


_VOC12 = _on("DIR/VOCdevkit/VOC2012")
_RESNET_TICKS = ("MSC", "COCO", "Aug", "LargeFOV", "ASPP")
_CONTEXT_TICKS = ("network", "MSC", "COCO", "LargeFOV", "ASPP")
_PART_TICKS = ("MSC", "COCO", "LargeFOV", "ASPP")
_CITY_TICKS = ("network", "Full", "Aug", "LargeFOV", "ASPP")
_AS_ON_VOC12 = "crop, rates, steps and the parameters of the CRF, as on VOC 2012"
_AUG_UNKNOWN = "Aug from the row with COCO on"
_VGG16_START = "fc6 and fc7 of VGG-16 start random; the authors' came from ImageNet"


def _context(ticks: str, recipe: str, miou: float, miou_with_crf: float | None = None) -> Row:
    cells = ("ResNet-101", *_ticked(_CONTEXT_TICKS[1:], ticks))
    return Row(cells, recipe, miou, miou_with_crf)


def _city(
    network: str, ticks: str, recipe: str, miou: float, miou_with_crf: float | None = None
) -> Row:
    return Row((network, *_ticked(_CITY_TICKS[1:], ticks)), recipe, miou, miou_with_crf)


def _part(ticks: str, recipe: str, miou: float, miou_with_crf: float | None = None) -> Row:
    return Row(_ticked(_PART_TICKS, ticks), recipe, miou, miou_with_crf)


def _resnet(ticks: str, recipe: str, miou: float, miou_with_crf: float | None = None) -> Row:
    return Row(_ticked(_RESNET_TICKS, ticks), recipe, miou, miou_with_crf)


_ALL = (
    Table(
        1,
        "field of view of VGG-16, VOC 2012 val",
        ("kernel", "rate", "field of view"),
        (
            Row(("7x7", "4", "224"), "voc12-vgg16-fov-7x7-r4", 64.38, 67.64),
            Row(("4x4", "4", "128"), "voc12-vgg16-fov-4x4-r4", 59.80, 63.74),
            Row(("4x4", "8", "224"), "voc12-vgg16-fov-4x4-r8", 63.41, 67.14),
            Row(("3x3", "12", "224"), "voc12-vgg16-largefov-step", 62.25, 67.64),
        ),
        _VOC12,
        "--crf vgg16-largefov",
        remark=_VGG16_START,
    ),
    Table(
        2,
        "learning policy of LargeFOV, VOC 2012 val",
        ("policy", "batch", "steps"),
        (
            Row(("step", "30", "6K"), "voc12-vgg16-largefov-step", 62.25),
            Row(("poly", "30", "6K"), "voc12-vgg16-largefov-poly-30-6k", 63.42),
            Row(("poly", "30", "10K"), "voc12-vgg16-largefov-poly-30-10k", 64.90),
            Row(("poly", "10", "10K"), "voc12-vgg16-largefov-poly-10-10k", 64.71),
            Row(("poly", "10", "20K"), "voc12-vgg16-largefov", 65.88),
        ),
        _VOC12,
        "--crf vgg16-largefov",
        remark=_VGG16_START,
    ),
    Table(
        3,
        "ASPP on VGG-16, VOC 2012 val",
        ("method",),
        (
            Row(("LargeFOV",), "voc12-vgg16-largefov", 65.76, 69.84),
            Row(("ASPP-S",), "voc12-vgg16-aspp-s", 66.98, 69.73),
            Row(("ASPP-L",), "voc12-vgg16-aspp-l", 68.96, 71.57),
        ),
        _VOC12,
        "--crf vgg16-aspp (LargeFOV: --crf vgg16-largefov)",
        remark=_VGG16_START,
    ),
    Table(
        4,
        "ResNet-101, VOC 2012 val",
        _RESNET_TICKS,
        (
            _resnet("", "voc12-resnet101", 68.72),
            _resnet("MSC", "voc12-resnet101-msc", 71.27),
            _resnet("MSC COCO", "voc12-resnet101-msc-coco", 73.28),
            _resnet("MSC COCO Aug", "voc12-resnet101-msc-coco-aug", 74.87),
            _resnet("MSC COCO Aug LargeFOV", "voc12-resnet101-msc-largefov", 75.54),
            _resnet("MSC COCO Aug ASPP", "voc12-resnet101-msc-aspp", 76.35, 77.69),
        ),
        _VOC12,
        "--crf resnet101",
    ),
    Table(
        6,
        "PASCAL-Context val",
        _CONTEXT_TICKS,
        (
            Row(
                ("VGG-16", "", "", "x", ""),
                "pascal-context-vgg16-largefov",
                37.6,
                39.6,
            ),
            _context("", "pascal-context-resnet101", 39.6),
            _context("MSC", "pascal-context-resnet101-msc", 41.4),
            _context("MSC COCO", "pascal-context-resnet101-msc-coco", 42.9),
            _context("MSC COCO LargeFOV", "pascal-context-resnet101-msc-coco-largefov", 43.5),
            _context("MSC COCO ASPP", "pascal-context-resnet101-msc-coco-aspp", 44.7, 45.7),
        ),
        _on("DIR/pascal-context"),
        "--crf resnet101 (VGG-16: --crf vgg16-largefov)",
        f"{_AS_ON_VOC12}; {_AUG_UNKNOWN}",
        _VGG16_START,
    ),
    Table(
        7,
        "PASCAL-Person-Part val",
        _PART_TICKS,
        (
            _part("", "person-part-resnet101", 58.90),
            _part("MSC", "person-part-resnet101-msc", 63.10),
            _part("MSC COCO", "person-part-resnet101-msc-coco", 64.40, 64.94),
            _part("MSC COCO LargeFOV", "person-part-resnet101-msc-coco-largefov", 62.18),
            _part("MSC COCO ASPP", "person-part-resnet101-msc-coco-aspp", 62.76),
        ),
        _on("DIR/person-part"),
        "--crf resnet101",
        f"{_AS_ON_VOC12}; {_AUG_UNKNOWN}",
    ),
    Table(
        9,
        "Cityscapes val",
        _CITY_TICKS,
        (
            _city("VGG-16", "LargeFOV", "cityscapes-vgg16-largefov-half", 62.97, 64.18),
            _city("VGG-16", "Full LargeFOV", "cityscapes-vgg16-largefov", 64.89, 65.94),
            _city("ResNet-101", "Full", "cityscapes-resnet101", 66.6),
            _city("ResNet-101", "Full LargeFOV", "cityscapes-resnet101-largefov", 69.2),
            _city("ResNet-101", "Full ASPP", "cityscapes-resnet101-aspp", 70.4),
            _city("ResNet-101", "Full Aug ASPP", "cityscapes-resnet101-aspp-aug", 71.0, 71.4),
        ),
        f"{_on('DIR/cityscapes')} --window 1025 (not Full: --scales 0.5)",
        "--crf resnet101 (VGG-16: --crf vgg16-largefov)",
        f"{_AS_ON_VOC12} but crops of 513 pixels; windows of 1025 pixels",
        _VGG16_START,
    ),
)

TABLES: Mapping[int, Table] = {table.number: table for table in _ALL}
"""The tables by number. Table 5 and Table 8 are of test servers: see `STAGES` and Cityscapes."""

STAGES: Mapping[str, str] = {
    "coco-resnet101": "what rows with COCO start from",
    "voc12-vgg16-largefov-step-trainval": "the test server's 70.3 % (section 4.1.1)",
    "voc12-vgg16-aspp-l-trainval": "the test server's 72.6 % (section 4.1.2)",
    "voc12-resnet101-msc-aspp-trainval": "the test server's 79.7 % (Table 5)",
}
"""Recipes of the paper that are no row of these tables: what they are for."""
