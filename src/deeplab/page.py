"""A page to look at in a browser: one HTML file that needs nothing beside it.

Pictures and drawings are stored inside the file; there is no script and nothing is loaded from
elsewhere, so that a page can be mailed, archived and opened anywhere. All text is escaped.
"""

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bar: #4a90d9; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .15rem .7rem; border-bottom: 1px solid var(--line); text-align: left; }
td.number, th.number { text-align: right; }
.bar { display: inline-block; height: .7em; background: var(--bar); border-radius: 2px; }
.swatch { display: inline-block; width: .9em; height: .9em; border: 1px solid var(--line); }
.sheet { display: flex; flex-wrap: wrap; gap: .8rem; }
figure { margin: 0; }
figcaption { font-size: .85em; max-width: 24rem; overflow-wrap: anywhere; }
img, svg { max-width: 100%; height: auto; }
.error { color: #c62828; font-weight: 600; } .warning { color: #b26a00; font-weight: 600; }
"""


class Page:
    """An HTML page that is written from top to bottom.

    Args:
        title: The heading, and what the browser's tab says.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._parts: list[str] = []

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def text(self, text: str, *, kind: str = "") -> None:
        """Write a paragraph.

        Args:
            text: Plain text.
            kind: "error" or "warning" make it stand out.
        """
        attribute = f' class="{html.escape(kind)}"' if kind else ""
        self._parts.append(f"<p{attribute}>{html.escape(text)}</p>")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence["Cell"]]) -> None:
        """Write a table; numbers stand at the right."""
        are_numbers = [
            bool(rows) and all(isinstance(row[column], int | float) for row in rows)
            for column in range(len(headings))
        ]
        written = [
            "".join(
                f'<{tag} class="number">{_cell(value)}</{tag}>'
                if is_number
                else f"<{tag}>{_cell(value)}</{tag}>"
                for value, is_number in zip(row, are_numbers, strict=True)
            )
            for tag, row in [("th", headings), *(("td", row) for row in rows)]
        ]
        self._parts.append("<table>" + "".join(f"<tr>{row}</tr>" for row in written) + "</table>")

    def pictures(
        self, pictures: Sequence[tuple[NDArray[np.uint8], str]], *, width: int = 320
    ) -> None:
        """Write pictures side by side, as many in a row as fit.

        Args:
            pictures: (H, W, 3) RGB with the line that stands below it.
            width: Pixels of the longest side; larger pictures are shrunk.
        """
        figures = (
            f'<figure><img src="{_data_uri(picture, width)}" alt="{html.escape(caption)}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
            for picture, caption in pictures
        )
        self._parts.append(f'<div class="sheet">{"".join(figures)}</div>')

    def drawing(self, svg: str, caption: str = "") -> None:
        """Write a drawing, as matplotlib saves it.

        Args:
            svg: Made by us: it goes onto the page as it is.
            caption: The line below it.
        """
        drawn = svg[svg.index("<svg") :]
        self._parts.append(
            f"<figure>{drawn}<figcaption>{html.escape(caption)}</figcaption></figure>"
        )

    def write(self, path: Path) -> None:
        """Write the page, whole or not at all."""
        title = html.escape(self._title)
        text = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
            f"<body><h1>{title}</h1>\n" + "\n".join(self._parts) + "\n</body></html>\n"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        imaging.write_atomically(path, lambda file: file.write(text.encode()))


class Bar(float):
    """A share, 0..1, that a table shows as a bar with its per cent."""


class Swatch(tuple[int, int, int]):
    """A colour, RGB 0..255, that a table shows as a small square."""

    __slots__ = ()


Cell = str | int | float | Bar | Swatch
"""What may stand in a table; fractions that are no `Bar` are written with four digits."""


def _cell(value: Cell) -> str:
    if isinstance(value, Bar):
        return f'<span class="bar" style="width:{120 * value:.1f}px"></span> {100 * value:.2f} %'
    if isinstance(value, Swatch):
        return f'<span class="swatch" style="background:rgb{tuple(value)}"></span>'
    return f"{value:.4g}" if isinstance(value, float) else html.escape(str(value))


def _data_uri(picture: NDArray[np.uint8], longest_side: int) -> str:
    encoded = io.BytesIO()
    shrunk = imaging.shrink_picture(picture, longest_side)
    Image.fromarray(shrunk).save(encoded, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.getvalue()).decode()
