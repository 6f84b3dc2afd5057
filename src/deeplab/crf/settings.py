"""What may stand in the fields of `DenseCRF`, and in the mappings that JSON and YAML hold of it.

All functions raise a ValueError that names the field and says what is allowed.
"""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import Any, TypeVar

import numpy as np

from deeplab.crf.parameters import LARGEST, Bilateral, Spatial

_Kernel = TypeVar("_Kernel", Bilateral, Spatial)


def check_choice(value: object, name: str, allowed: Sequence[object]) -> None:
    """Refuse what is not one of the allowed values; the message gives the nearest."""
    if value not in allowed:
        listed = ", ".join(str(choice) for choice in allowed)
        raise ValueError(f"{name}={value!r}{nearest(value, allowed)}; give one of {listed}")


def whole_number(value: object, name: str, least: int, most: int) -> int:
    """Take a whole number of a range, as a plain int."""
    allowed = f"a whole number from {least} to {most}"
    try:
        whole = index(value)  # type: ignore[arg-type]  # whether it is one is the question
    except TypeError:
        raise ValueError(f"{name}={value!r}: give {allowed}") from None
    if isinstance(value, bool) or not least <= whole <= most:
        raise ValueError(f"{name}={value!r}: give {allowed}")
    return whole


def kernels(value: object, kind: type[_Kernel], name: str) -> _Kernel | tuple[_Kernel, ...]:
    """Take one kernel, or several as a tuple."""
    if isinstance(value, kind):
        return value
    if isinstance(value, Sequence) and all(isinstance(entry, kind) for entry in value):
        return tuple(value)
    raise ValueError(
        f"{name}={value!r}: give a {kind.__name__}, several in a tuple, or () for none"
    )


def penalties(value: Any) -> tuple[tuple[float, ...], ...] | None:
    """Take a matrix as nested tuples: unlike an array they compare, and cannot be changed."""
    if value is None:
        return None
    try:
        matrix = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"compatibility={value!r}: give penalties as a (K, K) matrix") from None
    if matrix.ndim != 2 or len(set(matrix.shape)) != 1 or matrix.size == 0:
        raise ValueError(
            f"compatibility of shape {matrix.shape}: give a (K, K) matrix of penalties, for a "
            "label at one pixel (row) and a label at another (column)"
        )
    if not (np.abs(matrix) <= LARGEST).all():
        raise ValueError(
            f"compatibility holds NaN, or values beyond {LARGEST:g}: give penalties within it"
        )
    return tuple(tuple(row) for row in matrix.tolist())


def plain(value: Any) -> Any:
    """Turn tuples into lists, as JSON would."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, tuple) else value


def kernels_of_dict(value: Any, kind: type[_Kernel], name: str) -> _Kernel | tuple[_Kernel, ...]:
    """Make kernels of what JSON or YAML hold: a mapping, or a list of such."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_kernel_of_dict(entry, kind, name) for entry in value)
    return _kernel_of_dict(value, kind, name)


def _kernel_of_dict(value: Any, kind: type[_Kernel], name: str) -> _Kernel:
    keys = [field.name for field in dataclasses.fields(kind)]
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}={value!r}: give the keys {', '.join(keys)}, or a list of such")
    known = known_only(value, kind, name)
    missing = [key for key in keys if key not in known]
    if missing:
        raise ValueError(f"{name}: {', '.join(missing)} missing; give the keys {', '.join(keys)}")
    return kind(**known)


def known_only(values: Mapping[str, Any], kind: type[Any], name: str) -> Mapping[str, Any]:
    """Refuse keys that are no field of a dataclass; the message gives the nearest."""
    keys = [field.name for field in dataclasses.fields(kind)]
    for key in values:
        if key not in keys:
            raise ValueError(
                f"{name} has no parameter {key!r}{nearest(key, keys)}; there are {', '.join(keys)}"
            )
    return values


def nearest(value: object, known: Iterable[object]) -> str:
    """Say which known name was probably meant, as ` (did you mean ...?)`, or nothing."""
    names = [choice for choice in known if isinstance(choice, str)]
    near = difflib.get_close_matches(str(value), names, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
