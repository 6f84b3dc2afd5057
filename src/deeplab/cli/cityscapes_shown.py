"""What `deeplab evaluate` prints of the scores of Cityscapes."""

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from deeplab.evaluation import CityscapesScores


def show_cityscapes(scores: "CityscapesScores") -> None:
    """Print IoU and iIoU of classes and categories, as cityscapesscripts has them."""
    table = Table(
        title="Cityscapes",
        caption="in per cent, as cityscapesscripts: what is absent (-) is left out of the means",
    )
    table.add_column("class or category")
    for heading in ("IoU", "iIoU"):
        table.add_column(heading, justify="right")
    means = scores.means()
    for kind, iou, iiou in (
        ("class", scores.class_iou, scores.class_iiou),
        ("category", scores.category_iou, scores.category_iiou),
    ):
        for name, value in iou.items():
            table.add_row(name, _percent(value), _percent(iiou.get(name, math.nan)))
        table.add_section()
        values = (means[f"{kind}_iou"], means[f"{kind}_iiou"])
        table.add_row(f"mean {kind}", *map(_percent, values))
        table.add_section()
    Console().print(table)


def _percent(fraction: float) -> str:
    return "-" if math.isnan(fraction) else f"{100 * fraction:.2f}"
