"""The compiled module: labels and upsampled class scores. What it computes: `kernel/`."""

import numpy as np
from numpy.typing import NDArray

def variants() -> list[str]: ...
def label(
    values: NDArray[np.float32],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    *,
    labels: NDArray[np.uint8 | np.uint16],
    confidence: NDArray[np.float32],
    are_probabilities: bool,
    threads: int,
    variant: str,
) -> None: ...
def upsample(
    values: NDArray[np.float32],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    *,
    out: NDArray[np.float32],
    threads: int,
    variant: str,
) -> None: ...
