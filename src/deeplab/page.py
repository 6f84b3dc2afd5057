"""A page to look at in a browser: one HTML file that needs nothing beside it.

Pictures and drawings are stored inside the file; there is no script and nothing is loaded from
elsewhere, so that a page can be mailed, archived and opened anywhere. All text is escaped.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging, whole_files

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --bar: #4a90d9;
  --quiet: #5c6670; --page: #fff; --ink: #1b1f24; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171a; --ink: #dfe3e7; --quiet: #9aa5b0; --bar: #5a9bdc; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem;
  background: var(--page); color: var(--ink); }
h1 { font-size: 1.7rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 { margin: 1.6rem 0 .3rem; overflow-wrap: anywhere; }
p, li { max-width: 48rem; } .quiet { color: var(--quiet); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .15rem .7rem; border-bottom: 1px solid var(--line); text-align: left; }
thead th { vertical-align: bottom; } tbody th { font-weight: normal; }
tbody tr:hover { background: var(--soft); }
td.number, th.number { text-align: right; white-space: nowrap; }
.track { position: relative; display: inline-block; width: 120px; height: .75em;
  background: var(--soft); border-radius: 2px; }
.value { display: inline-block; min-width: 4.6em; text-align: right; }
.bar { display: block; height: 100%; background: var(--bar); border-radius: 2px; }
.span { position: absolute; top: 50%; height: 2px; margin-top: -1px; background: var(--ink);
  opacity: .75; }
.swatch { display: inline-block; width: .9em; height: .9em; border: 1px solid var(--line); }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; }
.tile { flex: 1 1 9rem; padding: .6rem .9rem; background: var(--soft); border-radius: 6px; }
.tile b { display: block; font-size: 1.6rem; line-height: 1.3; white-space: nowrap; }
.tile small { color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
.sheet { display: flex; flex-wrap: wrap; gap: .8rem; }
.columns { display: grid; gap: .6rem; grid-template-columns: repeat(var(--across), 1fr); }
.columns img { width: 100%; }
figure { margin: 0; }
figcaption { font-size: .85em; max-width: 34rem; overflow-wrap: anywhere; color: var(--quiet); }
img, svg { max-width: 100%; height: auto; }
.error { color: #c62828; font-weight: 600; } .warning { color: #b26a00; font-weight: 600; }
@media (prefers-color-scheme: dark) { .error { color: #ff8a80; } .warning { color: #ffb74d; } }
@media (max-width: 640px) {
  .columns { grid-template-columns: repeat(2, 1fr); } td, th { padding: .15rem .4rem; }
  dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } }
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

    def subheading(self, text: str) -> None:
        """Begin a part of a section."""
        self._parts.append(f"<h3>{html.escape(text)}</h3>")

    def text(self, text: str, *, kind: str = "") -> None:
        """Write a paragraph.

        Args:
            text: Plain text.
            kind: "error" or "warning" make it stand out, "quiet" does the opposite.
        """
        attribute = f' class="{html.escape(kind)}"' if kind else ""
        self._parts.append(f"<p{attribute}>{html.escape(text)}</p>")

    def facts(self, facts: Mapping[str, str]) -> None:
        """Write what is known, each behind its name."""
        pairs = (
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(fact)}</dd>"
            for name, fact in facts.items()
        )
        self._parts.append(f"<dl>{''.join(pairs)}</dl>")

    def tiles(self, tiles: Sequence[tuple[str, str, str]]) -> None:
        """Write the numbers that matter most, large.

        Args:
            tiles: Each a name, a number, and a remark below it.
        """
        written = (
            f'<div class="tile">{html.escape(name)}<b>{html.escape(number)}</b>'
            f"<small>{html.escape(remark)}</small></div>"
            for name, number, remark in tiles
        )
        self._parts.append(f'<div class="tiles">{"".join(written)}</div>')

    def items(self, items: Sequence[str]) -> None:
        """Write a list."""
        written = "".join(f"<li>{html.escape(item)}</li>" for item in items)
        self._parts.append(f"<ul>{written}</ul>")

    def table(
        self, headings: Sequence[str], rows: Sequence[Sequence["Cell"]], *, caption: str = ""
    ) -> None:
        """Write a table; numbers stand at the right, and words in the first column head the row.

        Args:
            headings: One for each column.
            rows: As many cells in each.
            caption: What the table shows, for those who hear it.
        """
        are_numbers = [
            bool(rows) and all(isinstance(row[column], int | float | None) for row in rows)
            for column in range(len(headings))
        ]
        head = "".join(
            f'<th scope="col"{_number_class(is_number)}>{html.escape(text)}</th>'
            for text, is_number in zip(headings, are_numbers, strict=True)
        )
        body = "".join(f"<tr>{_row(row, are_numbers)}</tr>" for row in rows)
        label = f' aria-label="{html.escape(caption)}"' if caption else ""
        self._parts.append(
            f'<div class="wide"><table{label}><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    def pictures(
        self,
        pictures: Sequence[tuple[NDArray[np.uint8], str]],
        *,
        width: int = 320,
        columns: int | None = None,
        of: str = "",
    ) -> None:
        """Write pictures side by side.

        Args:
            pictures: (H, W, 3) RGB with the line that stands below it.
            width: Pixels of the longest side; larger pictures are shrunk.
            columns: How many in a row, on a narrow screen two; None: as many as fit.
            of: What they all show, which those are told who cannot see them.
        """
        about = f"{of}: " if of else ""
        figures = (
            f'<figure><img loading="lazy" src="{_data_uri(picture, width)}" '
            f'alt="{html.escape(about + caption)}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
            for picture, caption in pictures
        )
        way = 'class="sheet"' if columns is None else f'class="columns" style="--across:{columns}"'
        self._parts.append(f"<div {way}>{''.join(figures)}</div>")

    def drawing(self, svg: str, caption: str = "", *, alt: str = "") -> None:
        """Write a drawing, as matplotlib saves it.

        Args:
            svg: Made by us: it goes onto the page as it is.
            caption: The line below it.
            alt: What is to be seen, for those who cannot see it; the caption if empty.
        """
        label = html.escape(alt or caption)
        drawn = svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
        below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
        self._parts.append(f"<figure>{drawn}{below}</figure>")

    def write(self, path: Path) -> None:
        """Write the page, whole or not at all."""
        title = html.escape(self._title)
        text = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{_STYLE}</style></head><body><h1>{title}</h1>\n"
            + "\n".join(self._parts)
            + "\n</body></html>\n"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_files.write_atomically(path, lambda file: file.write(text.encode()))


class Percent(float):
    """A share, 0..1, that a table shows in per cent."""


class Bar(float):
    """A share, 0..1, that a table shows as a bar with its per cent.

    Attributes:
        span: From where to where it may be (an interval), 0..1, drawn over the bar; or None.
    """

    span: tuple[float, float] | None

    def __new__(cls, value: float, span: tuple[float, float] | None = None) -> "Bar":
        """Make one."""
        bar = super().__new__(cls, value)
        bar.span = span
        return bar


class Swatch(tuple[int, int, int]):
    """A colour, RGB 0..255, that a table shows as a small square."""

    __slots__ = ()


Cell = str | int | float | Percent | Bar | Swatch | None
"""What may stand in a table; plain fractions are written with four digits, None as a dash."""


def _row(row: Sequence[Cell], are_numbers: Sequence[bool]) -> str:
    cells = [
        f"<td{_number_class(is_number)}>{_cell(value)}</td>"
        for value, is_number in zip(row, are_numbers, strict=True)
    ]
    if row and isinstance(row[0], str):
        cells[0] = f'<th scope="row">{_cell(row[0])}</th>'
    return "".join(cells)


def _number_class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _cell(value: Cell) -> str:
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, Bar):
        return f'{_bar(value)}<span class="value">{100 * value:.2f} %</span>'
    if isinstance(value, Percent):
        return f"{100 * value:.2f} %"
    if isinstance(value, Swatch):
        return f'<span class="swatch" style="background:rgb{tuple(value)}"></span>'
    return f"{value:.4g}" if isinstance(value, float) else html.escape(str(value))


def _bar(bar: Bar) -> str:
    drawn = f'<span class="bar" style="width:{100 * bar:.1f}%"></span>'
    if bar.span is not None:
        low, high = (100 * end for end in bar.span)
        drawn += f'<span class="span" style="left:{low:.1f}%;width:{high - low:.1f}%"></span>'
    return f'<span class="track" aria-hidden="true">{drawn}</span>'


def _data_uri(picture: NDArray[np.uint8], longest_side: int) -> str:
    encoded = io.BytesIO()
    shrunk = imaging.shrink_picture(picture, longest_side)
    Image.fromarray(shrunk).save(encoded, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.getvalue()).decode()
