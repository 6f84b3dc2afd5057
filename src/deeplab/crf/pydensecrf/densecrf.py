"""The classes of `pydensecrf.densecrf`; see `deeplab.crf.pydensecrf`.

Shapes: N variables (pixels in row order), K labels, D features; w and h the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from deeplab.crf.engine import (
    MAX_KERNELS,
    MAX_THREADS,
    _kernel,
    borrowed_workspace,
    choose_variant,
)
from deeplab.crf.inputs import MAX_COORDINATE, MAX_LABELS, check_coordinates, find_bad_scores
from deeplab.crf.pydensecrf import arguments
from deeplab.crf.pydensecrf.arguments import Matrix
from deeplab.processor import num_cores

_MAX_FEATURES = 10


class NormalizationType(IntEnum):
    """What a kernel K is divided by, with s = K 1: nothing, s before or after, sqrt(s) twice."""

    NO_NORMALIZATION = 0
    NORMALIZE_BEFORE = 1
    NORMALIZE_AFTER = 2
    NORMALIZE_SYMMETRIC = 3


class KernelType(IntEnum):
    """What learning may change of a kernel, which makes no difference to inference."""

    CONST_KERNEL = 0
    DIAG_KERNEL = 1
    FULL_KERNEL = 2


NO_NORMALIZATION = NormalizationType.NO_NORMALIZATION
NORMALIZE_BEFORE = NormalizationType.NORMALIZE_BEFORE
NORMALIZE_AFTER = NormalizationType.NORMALIZE_AFTER
NORMALIZE_SYMMETRIC = NormalizationType.NORMALIZE_SYMMETRIC
CONST_KERNEL = KernelType.CONST_KERNEL
DIAG_KERNEL = KernelType.DIAG_KERNEL
FULL_KERNEL = KernelType.FULL_KERNEL

# Not "none", which divides by the mean of s: pydensecrf works that out, but does not use it.
_NORMALIZATIONS: dict[NormalizationType, Literal["raw", "before", "after", "symmetric"]] = {
    NO_NORMALIZATION: "raw",
    NORMALIZE_BEFORE: "before",
    NORMALIZE_AFTER: "after",
    NORMALIZE_SYMMETRIC: "symmetric",
}


class Unary:
    """An energy for every label of every variable; make a `ConstUnary` or a `LogisticUnary`."""

    def __init__(self, energy: Matrix) -> None:
        self._energy = energy


class ConstUnary(Unary):
    """Energies as they are.

    Args:
        u: (K, N), minus the logarithm of probabilities.
    """

    def __init__(self, u: Any) -> None:
        super().__init__(arguments.matrix(u, "u"))


class LogisticUnary(Unary):
    """Energies that are linear in features.

    Args:
        L: (K, D).
        f: (D, N).
    """

    def __init__(self, L: Any, f: Any) -> None:
        coefficients, features = arguments.matrix(L, "L"), arguments.matrix(f, "f")
        if coefficients.shape[1] != features.shape[0]:
            raise ValueError(
                f"L is {coefficients.shape}, f {features.shape}: L has a column for each row of f"
            )
        super().__init__(coefficients @ features)


@dataclass(frozen=True)
class _Term:
    kernel: "_kernel.Kernel"
    weight: float
    energy: Matrix | None  # (K, K); none rewards equal labels

    def apply(self, filtered: Matrix) -> Matrix:
        """Turn filtered marginals (K, N) into energies."""
        return -self.weight * filtered if self.energy is None else self.energy @ filtered


class DenseCRF:
    """A fully connected CRF of variables that lie anywhere.

    Args:
        nvar: Number of variables, N.
        nlabels: Number of labels, K, up to 1024.
        ignored: Further arguments are ignored, as pydensecrf does.
    """

    def __init__(self, nvar: int, nlabels: int, *ignored: object) -> None:
        self._height, self._width = 1, arguments.count(nvar, "nvar", 2**24)
        self._num_labels = arguments.count(nlabels, "nlabels", MAX_LABELS)
        self._unary: Matrix | None = None
        self._terms: list[_Term] = []

    def addPairwiseEnergy(
        self,
        features: Any,
        compat: Any,
        kernel: int = DIAG_KERNEL,
        normalization: int = NORMALIZE_SYMMETRIC,
    ) -> None:
        """Add a Gaussian kernel between variables: exp(-|f_i - f_j|^2 / 2).

        Args:
            features: (D, N), already divided by their standard deviations; D up to 10.
            compat: A number rewards equal labels by so much; a vector (K,) is the energy of each
                label with itself (so positive values repel); a matrix (K, K), made symmetric, is
                the energy of each pair of labels.
            kernel: One of CONST_KERNEL, DIAG_KERNEL, FULL_KERNEL; makes no difference.
            normalization: NO_NORMALIZATION or one of NORMALIZE_BEFORE, _AFTER, _SYMMETRIC.

        Raises:
            ValueError: Shapes or values that are not allowed; the message says which are.
        """
        places = arguments.matrix(features, "features")
        if places.shape[1] != self._num_variables or not 1 <= places.shape[0] <= _MAX_FEATURES:
            raise ValueError(
                f"features of shape {places.shape}: give (D, {self._num_variables}), with 1 to "
                f"{_MAX_FEATURES} features D for each variable"
            )
        if not np.abs(places).max() <= MAX_COORDINATE:  # so that NaN is caught, too
            raise ValueError(
                f"features hold NaN or values beyond {MAX_COORDINATE:g}: give finite values, "
                "divided by larger standard deviations"
            )
        self._add((), None, places, compat, kernel, normalization)

    def setUnary(self, u: Unary) -> None:
        """Take the energies of a `ConstUnary` or a `LogisticUnary`."""
        if not isinstance(u, Unary):
            raise ValueError(f"u is a {type(u).__name__}: give a ConstUnary or a LogisticUnary")
        expected = (self._num_labels, self._num_variables)
        if u._energy.shape != expected:
            raise ValueError(f"unary energy of shape {u._energy.shape}: give (K, N) = {expected}")
        bad = find_bad_scores(-u._energy.reshape(self._num_labels, self._height, self._width))
        if bad:
            raise ValueError(f"minus the unary energy: {bad}")
        self._unary = u._energy

    def setUnaryEnergy(self, u: Any, f: Any = None) -> None:
        """Take energies u (K, N); or u (K, D) times features f (D, N)."""
        self.setUnary(ConstUnary(u) if f is None else LogisticUnary(u, f))

    def inference(self, niter: int) -> Matrix:
        """Infer the probability of every label of every variable: (K, N)."""
        shape = (self._num_labels, self._height, self._width)
        marginals = np.empty(shape, np.float32)
        self._mean_field(niter, marginals=marginals)
        return marginals.reshape(self._num_labels, -1)

    def map(self, niter: int) -> NDArray[np.int32]:
        """Infer the most probable label of every variable, (N,); pydensecrf has it in C++ only."""
        labels = np.empty((self._height, self._width), np.int32)
        self._mean_field(niter, labels=labels)
        return labels.ravel()

    def startInference(self) -> tuple[Matrix, Matrix, Matrix]:
        """Begin to infer step by step: Q (K, N), and two arrays for `stepInference`."""
        if self._unary is None:  # as pydensecrf does; the first step makes it uniform
            first = np.zeros((self._num_labels, self._num_variables), np.float32)
        else:
            first = arguments.softmax(-self._unary)
        return first, np.empty((0, 0), np.float32), np.empty((0, 0), np.float32)

    def stepInference(self, Q: Matrix, tmp1: object, tmp2: object) -> None:
        """Do one iteration on Q (K, N) in place; `tmp1` and `tmp2` are not needed any more."""
        self._check_marginals(Q)
        if not (isinstance(Q, np.ndarray) and Q.flags.writeable and Q.dtype.kind == "f"):
            raise ValueError("Q is not a float array that can be written: give startInference's")
        energy = np.zeros_like(Q, np.float32) if self._unary is None else self._unary
        for pairwise in self._pairwise_energies(Q):
            energy = energy + pairwise
        Q[...] = arguments.softmax(-energy)

    def klDivergence(self, Q: Any) -> float:
        """Say how far Q (K, N) is from the CRF's distribution, up to a constant."""
        self._check_marginals(Q)
        marginals = np.asarray(Q, np.float64)
        total = np.sum(marginals * np.log(np.maximum(marginals, 1e-20)))
        if self._unary is not None:
            # Infinite energy of a label that does not occur counts nothing.
            occurs = marginals > 0
            total += np.sum(np.multiply(marginals, self._unary, where=occurs, out=0 * marginals))
        for pairwise in self._pairwise_energies(Q):
            total += np.sum(marginals * pairwise)
        return float(total)

    @property
    def _num_variables(self) -> int:
        return self._height * self._width

    def _add(
        self,
        deviations: Sequence[float],
        picture: NDArray[np.uint8] | None,
        features: Matrix | None,
        compat: Any,
        kernel: int,
        normalization: int,
    ) -> None:
        if len(self._terms) == MAX_KERNELS:
            raise ValueError(f"more than {MAX_KERNELS} pairwise terms: give at most as many")
        KernelType(kernel)  # raises what the enumeration raises
        weight, energy = arguments.compatibility(compat, self._num_labels)
        described = _kernel.Kernel(
            deviations=list(deviations),
            picture=picture,
            features=features,
            weight=weight,
            energy=energy,
            normalization=_NORMALIZATIONS[NormalizationType(normalization)],
        )
        self._terms.append(_Term(described, weight, energy))

    def _mean_field(
        self,
        niter: int,
        *,
        marginals: Matrix | None = None,
        labels: NDArray[np.int32] | None = None,
    ) -> None:
        shape = (self._num_labels, self._height, self._width)
        scores = np.zeros(shape, np.float32) if self._unary is None else -self._unary.reshape(shape)
        iterations = arguments.count(niter, "niter", 10_000, least=0)
        with borrowed_workspace() as workspace:
            _kernel.mean_field(
                workspace,
                [term.kernel for term in self._terms],
                scores,
                self._height,
                self._width,
                iterations=iterations if self._terms else 0,  # without messages nothing changes
                threads=min(num_cores(), MAX_THREADS),
                variant=choose_variant(None),
                dilated=False,
                half=False,
                tolerance=0.0,
                marginals=marginals,
                labels=labels,
            )

    def _pairwise_energies(self, Q: Any) -> list[Matrix]:
        marginals = np.require(Q, np.float32, ["C", "A"])
        with borrowed_workspace() as workspace:
            return [
                term.apply(
                    _kernel.filter(
                        workspace,
                        term.kernel,
                        marginals,
                        self._height,
                        self._width,
                        threads=min(num_cores(), MAX_THREADS),
                        variant=choose_variant(None),
                        dilated=False,
                    )
                )
                for term in self._terms
            ]

    def _check_marginals(self, Q: Any) -> None:
        expected = (self._num_labels, self._num_variables)
        if np.shape(Q) != expected:
            raise ValueError(f"Q of shape {np.shape(Q)}: give (K, N) = {expected}")


class DenseCRF2D(DenseCRF):
    """A fully connected CRF of the pixels of a picture.

    Args:
        w: Columns.
        h: Rows.
        nlabels: Number of labels, K, up to 1024.
        ignored: Further arguments are ignored, as pydensecrf does.
    """

    def __init__(self, w: int, h: int, nlabels: int, *ignored: object) -> None:
        width, height = arguments.count(w, "w", 2**24), arguments.count(h, "h", 2**24)
        super().__init__(min(width * height, 2**24), nlabels)
        self._height, self._width = height, width

    def addPairwiseGaussian(
        self,
        sxy: Any,
        compat: Any,
        kernel: int = DIAG_KERNEL,
        normalization: int = NORMALIZE_SYMMETRIC,
    ) -> None:
        """Add a kernel of place alone.

        Args:
            sxy: Standard deviation in pixels: one, or (x, y).
            compat: See `addPairwiseEnergy`.
            kernel: See `addPairwiseEnergy`.
            normalization: See `addPairwiseEnergy`.

        Raises:
            ValueError: Shapes or values that are not allowed; the message says which are.
        """
        deviations = arguments.deviations(sxy, "sxy", 2)
        no_channels = np.empty((self._height, self._width, 0), np.uint8)
        check_coordinates(no_channels, deviations, kind="addPairwiseGaussian")
        self._add(deviations, None, None, compat, kernel, normalization)

    def addPairwiseBilateral(
        self,
        sxy: Any,
        srgb: Any,
        rgbim: Any,
        compat: Any,
        kernel: int = DIAG_KERNEL,
        normalization: int = NORMALIZE_SYMMETRIC,
    ) -> None:
        """Add a kernel of place and colour.

        Args:
            sxy: Standard deviation in pixels: one, or (x, y).
            srgb: Standard deviation in grey levels: one, or (r, g, b).
            rgbim: The picture, (h, w, 3), 0..255.
            compat: See `addPairwiseEnergy`.
            kernel: See `addPairwiseEnergy`.
            normalization: See `addPairwiseEnergy`.

        Raises:
            ValueError: Shapes or values that are not allowed; the message says which are.
        """
        picture = arguments.picture(rgbim, (self._height, self._width, 3))
        deviations = (*arguments.deviations(sxy, "sxy", 2), *arguments.deviations(srgb, "srgb", 3))
        check_coordinates(picture, deviations, kind="addPairwiseBilateral")
        self._add(deviations, picture, None, compat, kernel, normalization)
