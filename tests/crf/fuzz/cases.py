"""What the fuzz run calls: the CRF as users call it, and the compiled module behind its checks.

A case either gives a result, which is looked at, or raises an error that is allowed for it.
Anything else, a crash above all, is a finding.
"""

import threading
from collections.abc import Callable

import numpy as np
from odd_arrays import chance, layout, maybe_odd, pick, picture, scores, side

from deeplab.crf import Bilateral, DenseCRF, Spatial, _kernel

NORMALIZATIONS = ("after", "symmetric", "before", "none")
MAX_WORK = 3_000_000
"""Pixels times labels times vertices of a simplex: what a case may cost at most."""

Case = Callable[[np.random.Generator], None]


def engine(random: np.random.Generator) -> None:
    """`DenseCRF.refine` and `.labels`, with odd pictures, scores and parameters."""
    crf = _crf(random)
    height, width, labels = _size(random, vertices=_dilation(crf) * 6)
    exact = crf.accuracy == "exact"
    if exact:
        height, width = min(height, 20), min(width, 20)
    channels = int(pick(random, 3, 3, 3, 1, int(random.integers(1, 9)), *_rarely(random, 9)))
    shown = picture(random, height, width, channels)
    grid = (labels, side(random), side(random)) if chance(random, 0.2) else (labels, height, width)
    values = scores(random, grid)
    keywords: dict[str, object] = {"labels": pick(random, "all", "all", "present")}
    if chance(random, 0.3):
        keywords["size"] = pick(random, (height, width), *_rarely(random, (width, height), (0,)))
    if chance(random, 0.1):
        with np.errstate(all="ignore"):
            keywords["probabilities"], values = _softmax(values), None
    given = shown[..., 0] if channels == 1 and chance(random, 0.5) else shown
    ask = crf.refine if chance(random, 0.6) else crf.labels
    values = None if values is None else maybe_odd(random, values)
    given = maybe_odd(random, given)
    result = ask(given, values, **keywords)
    _look_at(result)
    np.testing.assert_array_equal(ask(given, values, **keywords), result)  # threads race for tasks


def batches(random: np.random.Generator) -> None:
    """Lists and stacks of pictures, of which some may not fit."""
    height, width, labels = _size(random, vertices=24)
    count = int(random.integers(not chance(random, 0.05), 4))
    pictures: object = [maybe_odd(random, picture(random, height, width, 3)) for _ in range(count)]
    values: object = [
        maybe_odd(random, scores(random, (labels, height, width)))
        for _ in range(count + int(pick(random, 0, *_rarely(random, 1))))
    ]
    if chance(random, 0.3):
        pictures, values = np.array(pictures), np.array(values)  # fails unless all are alike
    result = DenseCRF(iterations=1, threads=int(random.integers(1, 6))).refine(pictures, values)
    for one in result:
        _look_at(one)


class CompiledModule:
    """Calls of the compiled module itself, all in the same few workspaces."""

    def __init__(self) -> None:
        self._workspaces = [_kernel.Workspace() for _ in range(3)]

    def mean_field(self, random: np.random.Generator) -> None:
        """`mean_field` with shapes that may not fit one another."""
        dilated = chance(random, 0.2)
        height, width, labels = _size(random, vertices=6 * (20 if dilated else 1))
        kernels: object = [
            _raw_kernel(random, height, width, labels) for _ in range(random.integers(0, 4))
        ]
        if chance(random, 0.02):
            kernels = pick(random, None, [None], [3], list(kernels) * 20)  # type: ignore[call-overload]
        grid = (labels, side(random), side(random)) if chance(random, 0.2) else None
        marginals = np.zeros((labels, height, width), np.float32)
        label_map = np.full((height, width), -1, np.int32)
        written = pick(random, "both", "marginals", "labels", "odd", "none")
        iterations_done = _kernel.mean_field(
            self._workspace(random),
            kernels,
            maybe_odd(random, scores(random, grid or marginals.shape)),
            _perhaps_wrong(random, height),
            _perhaps_wrong(random, width),
            iterations=pick(random, 0, 1, 2, 3, *_rarely(random, -1, 2**40, 1.5)),
            threads=pick(random, 1, 2, 3, 4, 5, *_rarely(random, 0, -1, 257)),
            variant=_variant(random),
            dilated=dilated,
            half=chance(random, 0.3),
            tolerance=pick(random, 0.0, 0.0, 1e-3, *_rarely(random, -1.0, np.nan, np.inf)),
            marginals=_out(random, marginals, written in ("both", "marginals"), written == "odd"),
            labels=_out(random, label_map, written in ("both", "labels"), written == "odd"),
        )
        assert iterations_done >= 0
        # Weights and energies that `DenseCRF` refuses may well overflow here.
        if written == "both" and np.isfinite(marginals).all():
            assert 0 <= label_map.min() <= label_map.max() < labels

    def filter(self, random: np.random.Generator) -> None:
        """`filter` with any number of channels."""
        height, width, channels = _size(random, vertices=6)
        drawn = random.standard_normal((channels, height * width)).astype(np.float32)
        values = maybe_odd(random, drawn)
        filtered = _kernel.filter(
            self._workspace(random),
            _raw_kernel(random, height, width, channels),
            values,
            _perhaps_wrong(random, height),
            _perhaps_wrong(random, width),
            threads=pick(random, 1, 2, 5, *_rarely(random, 0, 300)),
            variant=_variant(random),
            dilated=chance(random, 0.1),
        )
        assert filtered.shape == np.shape(values)
        assert filtered.dtype == np.float32
        assert np.isfinite(filtered).all()

    def shared_workspace(self, random: np.random.Generator) -> None:
        """Two threads with one workspace: one is told that it is in use, or both are served."""
        workspace = self._workspace(random)
        threads = [
            threading.Thread(target=self._filter_or_be_refused, args=(workspace, int(size)))
            for size in random.integers(1, 60, 2)
        ]
        for thread in threads:
            thread.start()
        workspace_bytes = workspace.bytes
        for thread in threads:
            thread.join()
        assert workspace_bytes >= 0

    @staticmethod
    def _filter_or_be_refused(workspace: _kernel.Workspace, size: int) -> None:
        kernel = _kernel.Kernel(
            deviations=[3.0, 3.0],
            picture=None,
            features=None,
            weight=1.0,
            energy=None,
            normalization="after",
        )
        values = np.ones((3, size * size), np.float32)
        how = {"threads": 2, "variant": _kernel.variants()[0], "dilated": False}
        try:
            _kernel.filter(workspace, kernel, values, size, size, **how)
        except RuntimeError as error:
            if "in use" not in str(error):
                raise

    def _workspace(self, random: np.random.Generator) -> _kernel.Workspace:
        workspace = self._workspaces[random.integers(3)]
        if chance(random, 0.05):
            workspace.clear()
        return workspace


def _crf(random: np.random.Generator) -> DenseCRF:
    accuracy = pick(random, "lattice", "lattice", "lattice", "lattice", "dilated", "exact")
    is_exact = accuracy == "exact" and chance(random, 0.9)  # which takes no precision or variant
    return DenseCRF(
        bilateral=tuple(
            Bilateral(_weight(random), _deviation(random), _deviation(random))
            for _ in range(pick(random, 1, 1, 1, 0, 2))
        ),
        spatial=tuple(
            Spatial(_weight(random), _deviation(random)) for _ in range(pick(random, 1, 1, 0, 2))
        ),
        iterations=int(random.integers(0, 4)),
        normalization=pick(random, *NORMALIZATIONS),
        compatibility=_compatibility(random),
        accuracy=accuracy,
        precision="float32" if is_exact else pick(random, "float32", "float32", "half"),
        tolerance=pick(random, 0, 0, 1e-4),
        threads=int(random.integers(1, 6)),
        variant=None if is_exact else pick(random, None, *_kernel.variants()),
    )


def _rarely(random: np.random.Generator, *values: object) -> list[object]:
    """Add choices that are wrong now and then; were they always there, little would ever run."""
    return [list(values)] * chance(random, 0.05)


def _weight(random: np.random.Generator) -> float:
    return float(
        pick(random, 4.0, 4.0, 0.0, 1e-30, 1e4, *_rarely(random, -1.0, 1e30, np.inf, np.nan))
    )


def _deviation(random: np.random.Generator) -> float:
    if chance(random, 0.015):
        return float(pick(random, 0.0, -1.0, np.nan, np.inf, 1e-300, 1e-40, 1e300, 3e38))
    return float(10 ** (random.uniform(-1, 3) if chance(random, 0.8) else random.uniform(-9, 9)))


def _compatibility(random: np.random.Generator) -> object:
    if chance(random, 0.9):
        return None
    count = int(pick(random, 1, 2, 8, 21))
    return random.standard_normal((count, count)) * float(pick(random, 1.0, 1e10, 1e38))


def _dilation(crf: DenseCRF) -> int:
    return 20 if crf.accuracy == "dilated" else 1


def _size(random: np.random.Generator, *, vertices: int) -> tuple[int, int, int]:
    """Draw height, width and labels, within what a case may cost."""
    height, width = side(random), side(random)
    labels = int(pick(random, 1, 2, 8, 21, int(random.integers(1, 41)), [255, 257, 1024, 1025]))
    while height * width * labels * vertices > MAX_WORK:
        height, width, labels = (height + 1) // 2, (width + 1) // 2, max(1, labels - 1)
    return height, width, labels


def _raw_kernel(
    random: np.random.Generator, height: int, width: int, labels: int
) -> _kernel.Kernel:
    channels = int(pick(random, 0, 0, 1, 3, 3, int(random.integers(1, 9)), *_rarely(random, 9)))
    shown = picture(random, height, width, channels) if channels else None
    deviations = [
        _deviation(random) for _ in range(2 + channels + int(pick(random, 0, *_rarely(random, 1))))
    ]
    features = None
    if chance(random, 0.2):
        shown, deviations = None, []
        rows = int(random.integers(1, 11))
        features = maybe_odd(random, scores(random, (rows, height * width)))
    square = scores(random, (labels, labels)) if labels < 300 else np.eye(labels, dtype="f4")
    return _kernel.Kernel(
        deviations=deviations,
        picture=None if shown is None else maybe_odd(random, shown, wrong=0.03),
        features=features,
        weight=pick(random, 1.0, 4.0, 0.0, -2.0, *_rarely(random, 1e30, np.nan, np.inf)),
        energy=maybe_odd(random, square, wrong=0.03) if chance(random, 0.2) else None,
        normalization=pick(random, *NORMALIZATIONS, *_rarely(random, "sum")),
    )


def _variant(random: np.random.Generator) -> str:
    if chance(random, 0.01):
        return str(pick(random, "", "sse", "avx512\0", "neon" * 1000))
    return str(pick(random, *_kernel.variants()))


def _perhaps_wrong(random: np.random.Generator, length: int) -> object:
    if chance(random, 0.97):
        return length
    return pick(random, 0, -1, length + 1, length * 2, 2**24, 2**31, 2**63, 1.5, None)


def _out(random: np.random.Generator, array: np.ndarray, is_wanted: bool, is_odd: bool) -> object:
    if is_odd:
        return maybe_odd(random, layout(random, array), wrong=0.5)
    return array if is_wanted else None


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=0))
    return powers / powers.sum(axis=0)


def _look_at(result: np.ndarray) -> None:
    """Marginals are probabilities; label maps are of the type that is promised."""
    if result.dtype != np.float32:
        assert result.dtype in (np.uint8, np.int32)
        return
    assert result.min() >= 0, f"{result.min()} among the marginals"
    # 1025 terms of rounding and, with `half`, sums that are not those of what is stored.
    np.testing.assert_allclose(result.sum(axis=0), 1, atol=1e-3)
