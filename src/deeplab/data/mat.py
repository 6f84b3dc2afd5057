"""Reading MATLAB files of annotations: one variable, and fields of structures in it.

scipy gives a structure as an object array whose dtype names the fields, of shape (1, 1) or (1, n);
an empty one, as MATLAB writes it, has shape (0, 0).
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat, whosmat


def read_variable(path: Path, name: str) -> NDArray[Any]:
    """Read one variable of a MATLAB file (up to version 7); nothing in the file is run.

    Raises:
        ValueError: Not such a file, damaged, or without this variable.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strange but readable files
            content = loadmat(path, variable_names=[name], mat_dtype=False)
    except NotImplementedError:
        raise ValueError(
            f"{path}: a MATLAB 7.3 (HDF5) file; the official files are older ones: save it in "
            "MATLAB with save(..., '-v7')"
        ) from None
    except Exception as error:  # scipy's reader raises nearly every kind
        raise ValueError(f"{path}: not a MATLAB file, or damaged ({error})") from error
    if not isinstance(content.get(name), np.ndarray):
        raise ValueError(f"{path}: holds no variable {name!r}; is it of another data set?")
    return np.asarray(content[name])


def holds(path: Path, name: str) -> bool:
    """Tell whether a MATLAB file holds a variable; what cannot be read holds none."""
    try:
        return any(found == name for found, _, _ in whosmat(path))
    except Exception:  # as above; who reads the file itself is told why it cannot be read
        return False


def elements(structure: NDArray[Any]) -> Iterator[Any]:
    """Give the elements of an array of structures one after the other; of an empty one, none."""
    yield from structure.ravel()


def field(element: Any, name: str, path: Path) -> NDArray[Any]:
    """Give a field of one structure.

    Args:
        element: A structure, as `elements` gives it.
        name: Of the field.
        path: The file, for the message.

    Raises:
        ValueError: Not a structure, or without this field.
    """
    names = getattr(getattr(element, "dtype", None), "names", None) or ()
    if name not in names:
        has = f"its fields are {', '.join(names)}" if names else "it is no structure"
        raise ValueError(f"{path}: a field {name!r} is expected here, but {has}")
    return np.asarray(element[name])


def text(value: NDArray[Any], path: Path) -> str:
    """Give a string of MATLAB.

    Raises:
        ValueError: Something else.
    """
    if value.size != 1 or not isinstance(value.ravel()[0], str):
        raise ValueError(f"{path}: a text is expected where {describe(value)} stands")
    return str(value.ravel()[0])


def whole_numbers(value: NDArray[Any], path: Path, *, most: int) -> NDArray[np.uint16]:
    """Give a map of whole numbers, (H, W), whatever type MATLAB kept it in.

    Args:
        value: The variable or field.
        path: The file, for the message.
        most: The largest number allowed.

    Raises:
        ValueError: Not (H, W), not numbers, not whole ones, or outside of 0..`most`.
    """
    if value.ndim != 2 or value.size == 0 or value.dtype.kind not in "buif":
        raise ValueError(f"{path}: a map of whole numbers is expected, not {describe(value)}")
    low, high = value.min(), value.max()
    if not (low >= 0 and high <= most and np.all(value == np.floor(value))):
        raise ValueError(f"{path}: values {low}..{high}; allowed are whole numbers of 0..{most}")
    return value.astype(np.uint16)


def describe(value: NDArray[Any]) -> str:
    """Say what an array is, for a message."""
    return f"an array of shape {value.shape} and type {value.dtype}"
