"""Reading JSON that other tools wrote, with nothing in it taken on trust.

Each function takes a value and a place ("a.json: annotation 7"), and either gives the value as what
it is meant to be or raises a ValueError that names the place.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS = 1 << 28
"""The most pixels that a picture is believed to have (16384 x 16384)."""

_LARGEST = 1e9  # beyond it no coordinate or id is sensible


def read_json(path: Path, *, shrink: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Parse a JSON file.

    Args:
        path: The file.
        shrink: Makes something smaller of each object as soon as it is parsed.

    Raises:
        ValueError: Not JSON, cut short, nested without end, or with NaN in it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, object_hook=shrink, parse_constant=_refuse_constant)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not JSON: it is not UTF-8 text ({error.reason})") from error
    except json.JSONDecodeError as error:
        is_short = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
        what = "cut short" if text.strip() and is_short else "not JSON"
        raise ValueError(f"{path}: {what} ({error})") from error
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply to be annotations") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """Take an object with keys."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: {_shown(value)} where an object {{...}} is expected")
    return value


def field(value: object, key: str, where: str) -> Any:
    """Take what stands under a key that has to be there."""
    content = mapping(value, where)
    if key not in content:
        keys = ", ".join(map(str, list(content)[:12])) or "none"
        raise ValueError(f"{where}: the key {key!r} is missing (there are {keys})")
    return content[key]


def sequence(value: object, where: str) -> list[Any]:
    """Take a list."""
    if not isinstance(value, list):
        raise ValueError(f"{where}: {_shown(value)} where a list [...] is expected")
    return value


def text(value: object, where: str) -> str:
    """Take a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: {_shown(value)} where a text is expected")
    return value


def number(value: object, where: str, *, least: float = -_LARGEST, most: float = _LARGEST) -> float:
    """Take a finite number between two bounds; a text of one counts."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        result = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{where}: {_shown(value)} where a number is expected") from None
    if not math.isfinite(result) or not least <= result <= most:
        raise ValueError(f"{where}: {_shown(value)}; allowed is {least:g} to {most:g}")
    return result


def whole(value: object, where: str, *, least: int, most: int = int(_LARGEST)) -> int:
    """Take a whole number between two bounds; 3.0 and "3" count as 3."""
    result = number(value, where, least=least, most=most)
    if result != int(result):
        raise ValueError(f"{where}: {_shown(value)} where a whole number is expected")
    return int(result)


def whole_numbers(values: object, where: str) -> NDArray[np.int64]:
    """Take a list of whole numbers from 0 on, (N,), which may be long."""
    found = sequence(values, where)
    if all(type(one) is int and 0 <= one <= _LARGEST for one in found):
        return np.array(found, np.int64)
    return np.array([whole(one, where, least=0) for one in found], np.int64)


def size(height: object, width: object, where: str) -> tuple[int, int]:
    """Take height and width of a picture, in pixels."""
    rows = whole(height, f"{where}: height", least=1, most=MOST_PIXELS)
    columns = whole(width, f"{where}: width", least=1, most=MOST_PIXELS)
    if rows * columns > MOST_PIXELS:
        raise ValueError(f"{where}: {columns}x{rows} pixels; at most {MOST_PIXELS} are believed")
    return rows, columns


def points(value: object, where: str) -> NDArray[np.float64]:
    """Take a list of points [x, y]: (N, 2) float64."""
    pairs = []
    for pair in sequence(value, where):
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"{where}: {_shown(pair)} where a point [x, y] is expected")
        pairs.append([number(pair[0], where), number(pair[1], where)])
    return np.array(pairs, np.float64).reshape(-1, 2)


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _refuse_constant(name: str) -> None:
    raise ValueError(f"holds {name}, which is not a number")
