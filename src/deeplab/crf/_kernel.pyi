"""The compiled module: permutohedral lattice and mean field. What it computes: `kernel/`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def variants() -> list[str]: ...

class Workspace:
    def __init__(self) -> None: ...
    @property
    def bytes(self) -> int: ...
    def clear(self) -> None: ...

class Kernel:
    def __init__(
        self,
        *,
        deviations: Sequence[float],
        picture: NDArray[np.uint8] | None,
        features: NDArray[np.float32] | None,
        weight: float,
        energy: NDArray[np.float32] | None,
        normalization: str,
    ) -> None: ...

def mean_field(
    workspace: Workspace,
    kernels: list[Kernel],
    scores: NDArray[np.float32],
    height: int,
    width: int,
    *,
    iterations: int,
    threads: int,
    variant: str,
    dilated: bool,
    half: bool,
    tolerance: float,
    marginals: NDArray[np.float32] | None,
    labels: NDArray[np.int32] | None,
) -> int: ...
def filter(
    workspace: Workspace,
    kernel: Kernel,
    values: NDArray[np.float32],
    height: int,
    width: int,
    *,
    threads: int,
    variant: str,
    dilated: bool,
) -> NDArray[np.float32]: ...
