"""The fully connected CRF as users hold it: parameters, and two methods that refine class scores.

Reference: DeepLab v2, arXiv 1606.00915, section 3.3; Kraehenbuehl and Koltun, arXiv 1210.5644.
The default is what the published Caffe code computes, for its ResNet-101.
Shapes: H, W the picture, C its channels, K labels, (h, w) the score grid.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar, cast, get_args, overload

import numpy as np
from numpy.typing import NDArray

from deeplab.crf import batch, solve
from deeplab.crf.batch import Arrays, Job, Size, Values
from deeplab.crf.engine import MAX_KERNELS, MAX_THREADS, Normalization, Variant
from deeplab.crf.inputs import SupportsArray
from deeplab.crf.parameters import PRESETS, Bilateral, Spatial, number
from deeplab.crf.settings import (
    check_choice,
    kernels,
    kernels_of_dict,
    known_only,
    nearest,
    penalties,
    plain,
    whole_number,
)
from deeplab.crf.solve import LabelChoice
from deeplab.processor import num_cores

Marginals = NDArray[np.float32]
LabelMap = NDArray[Any]  # of uint8 or int32
Accuracy = Literal["lattice", "dilated", "exact"]
Precision = Literal["float32", "half"]
_Result = TypeVar("_Result", bound=NDArray[Any])


@dataclass(frozen=True)
class DenseCRF:
    """A CRF in which every pixel of a picture is connected with every other one.

    Mean field: every pixel's probabilities start as the softmax of its scores; then, `iterations`
    times, all pixels add to their scores what the kernels say of the others' probabilities, and
    take the softmax again. An object can be used from several threads at once.

    Args:
        bilateral: Kernels of place and colour; one, several, or none as `()`.
        spatial: Kernels of place alone; one, several, or none as `()`.
        iterations: 0 is the plain softmax; the paper takes 10.
        normalization: What a kernel K is divided by, with s = K 1, the sum of each pixel's weights:
            "after" scales what a pixel receives by 1/s, which makes it a weighted mean (DeepLab);
            "symmetric" scales by 1/sqrt(s) before and after (the default of pydensecrf); "before"
            scales what a pixel sends by 1/s; "none" divides by the mean of s, and is poor.
        compatibility: Penalty (K, K) for label l at one pixel and m at another, mu(l, m) of the
            paper, times the kernels' weights; none means the paper's: 1 for different labels.
        accuracy: "lattice" is the published algorithm, which filters in a permutohedral lattice;
            "dilated" adds a ring of vertices to the lattice, for about half of the error and
            several times the time; "exact" sums over all pairs, for pictures of at most 16384
            pixels.
        precision: "half" leaves out messages where a bound, checked at every pixel, says that
            they change marginals by less than 8e-3 (3e-2 before it starts anew): up to twice as
            fast where scores have little contrast. Of 40 photos no marginal differed by more
            than 6e-3 from float32's, by 2e-7 on average, and 7 of 7.3 million labels did.
        tolerance: Stop as soon as no marginal has changed by more in an iteration; 0 never does.
        threads: At most so many; by default one per core. Results do not depend on their number
            but for rounding. Batches of at least as many pictures take one thread for each.
        variant: Instruction set to force: "avx512", "avx2", "neon" or "baseline"; by default the
            fastest that the processor has.

    Raises:
        ValueError: A value that is not allowed, or would be ignored.
    """

    bilateral: Bilateral | tuple[Bilateral, ...] = PRESETS["resnet101"][0]
    spatial: Spatial | tuple[Spatial, ...] = PRESETS["resnet101"][1]
    iterations: int = 10
    normalization: Normalization = "after"
    compatibility: Sequence[Sequence[float]] | NDArray[Any] | None = None
    accuracy: Accuracy = "lattice"
    precision: Precision = "float32"
    tolerance: float = 0.0
    threads: int | None = None
    variant: Variant | None = None

    def __post_init__(self) -> None:
        """Check the values, and take them as plain numbers and tuples."""
        set_field = object.__setattr__  # the way around `frozen`
        set_field(self, "bilateral", kernels(self.bilateral, Bilateral, "bilateral"))
        set_field(self, "spatial", kernels(self.spatial, Spatial, "spatial"))
        num_kernels = sum(
            len(field) if isinstance(field, tuple) else 1
            for field in (self.bilateral, self.spatial)
        )
        if num_kernels > MAX_KERNELS:
            raise ValueError(f"{num_kernels} kernels: give at most {MAX_KERNELS} together")
        set_field(self, "compatibility", penalties(self.compatibility))
        set_field(self, "iterations", whole_number(self.iterations, "iterations", 0, 10_000))
        if self.threads is not None:
            set_field(self, "threads", whole_number(self.threads, "threads", 1, MAX_THREADS))
        allowed = "a number from 0 (never stop early) to below 1"
        set_field(self, "tolerance", number(self.tolerance, "tolerance", allowed=allowed))
        if not 0 <= self.tolerance < 1:
            raise ValueError(f"tolerance={self.tolerance:g}: give {allowed}")
        check_choice(self.normalization, "normalization", get_args(Normalization))
        check_choice(self.accuracy, "accuracy", get_args(Accuracy))
        check_choice(self.precision, "precision", get_args(Precision))
        check_choice(self.variant, "variant", (None, *get_args(Variant)))
        if self.accuracy == "exact" and (self.precision, self.variant) != ("float32", None):
            raise ValueError(
                "accuracy='exact' computes in float64 with numpy: leave precision and variant out"
            )

    @classmethod
    def preset(cls, name: str) -> Self:
        """Make a CRF with published parameters; `PRESETS` lists them.

        Raises:
            ValueError: The name is unknown; the message gives the nearest one and all that exist.
        """
        if name not in PRESETS:
            raise ValueError(
                f"no CRF preset {name!r}{nearest(name, PRESETS)}; there are {', '.join(PRESETS)}"
            )
        bilateral, spatial = PRESETS[name]
        return cls(bilateral=bilateral, spatial=spatial)

    @overload
    def refine(
        self,
        picture: Arrays,
        scores: Values = None,
        *,
        probabilities: Values = None,
        size: Size = None,
        labels: LabelChoice = "all",
    ) -> list[Marginals]: ...

    @overload
    def refine(
        self,
        picture: SupportsArray,
        scores: Values = None,
        *,
        probabilities: Values = None,
        size: Size = None,
        labels: LabelChoice = "all",
    ) -> Marginals: ...

    def refine(
        self,
        picture: SupportsArray | Arrays,
        scores: Values = None,
        *,
        probabilities: Values = None,
        size: Size = None,
        labels: LabelChoice = "all",
    ) -> Marginals | list[Marginals]:
        """Infer the probability of every label at every pixel.

        Args:
            picture: uint8, RGB (H, W, 3), grey (H, W) or of up to 8 channels (H, W, C). A batch is
                a list of pictures, which may differ in size, or an array (N, H, W, C) or (N, H, W);
                it runs in parallel.
            scores: Class scores before softmax, (K, H, W) of any float type, K up to 1024. Minus
                infinity excludes a label from a pixel. For a batch: a list, or (N, K, H, W).
            probabilities: Instead of scores, in the same shapes: values 0..1, summing to 1 over K.
            size: (H, W) of the picture, to allow scores at a coarser grid (K, h, w); they are
                upsampled bilinearly inside, corners on corners, and have to be finite. For a batch
                of pictures of several sizes: a list of sizes.
            labels: "present" lets only those labels take part that score best at some pixel (of the
                grid), and gives the others marginal 0: faster the fewer they are, but inexact, as a
                label that is best nowhere cannot win any more. On 60 photos of PASCAL VOC (2.8
                labels present on average) 3e-5 of the pixels got another label, 4e-4 in the worst
                photo; single marginals differed by up to 0.97.

        Returns:
            Marginals (K, H, W); of a batch a list of them, or (N, K, H, W) if an array was given.

        Raises:
            ValueError: Input of another shape or type, with NaN, empty, or that does not fit the
                parameters; the message says what was given, what is allowed and what to do.
            ImportError: The compiled part is missing.
        """

        def infer(job: Job, threads: int) -> Marginals:
            return solve.marginals(self, job, labels, threads=threads)

        return self._for_each(infer, picture, scores, probabilities, size)

    @overload
    def labels(
        self,
        picture: Arrays,
        scores: Values = None,
        *,
        probabilities: Values = None,
        size: Size = None,
        labels: LabelChoice = "all",
    ) -> list[LabelMap]: ...

    @overload
    def labels(
        self,
        picture: SupportsArray,
        scores: Values = None,
        *,
        probabilities: Values = None,
        size: Size = None,
        labels: LabelChoice = "all",
    ) -> LabelMap: ...

    def labels(
        self,
        picture: SupportsArray | Arrays,
        scores: Values = None,
        *,
        probabilities: Values = None,
        size: Size = None,
        labels: LabelChoice = "all",
    ) -> LabelMap | list[LabelMap]:
        """Infer the most probable label of every pixel; takes what `refine` takes.

        The marginals are not stored, which saves time and memory.

        Returns:
            Label maps (H, W), the first of equally probable labels; uint8 for K up to 256, else
            int32. Of a batch a list of them, or (N, H, W) if an array was given.

        Raises:
            ValueError: See `refine`.
            ImportError: See `refine`.
        """

        def infer(job: Job, threads: int) -> LabelMap:
            return solve.label_map(self, job, labels, threads=threads)

        return self._for_each(infer, picture, scores, probabilities, size)

    def to_dict(self) -> dict[str, Any]:
        """Write all parameters as plain values, fit for JSON and YAML; see `from_dict`."""
        return {key: plain(value) for key, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Make a CRF of what `to_dict` wrote; parameters that are left out keep their defaults.

        Raises:
            ValueError: A parameter is unknown (the message gives the nearest one) or not allowed.
        """
        values = dict(known_only(parameters, cls, "CRF"))
        for key, kind in (("bilateral", Bilateral), ("spatial", Spatial)):
            if key in values:
                values[key] = kernels_of_dict(values[key], kind, key)
        return cls(**values)

    def _for_each(
        self,
        infer: Callable[[Job, int], _Result],
        picture: SupportsArray | Arrays,
        scores: Values,
        probabilities: Values,
        size: Size,
    ) -> _Result | list[_Result]:
        """Run one picture, or many in parallel, and give the results back in the form they came."""
        jobs, is_batch = batch.split(picture, scores, probabilities, size)
        threads = self.threads or min(num_cores(), MAX_THREADS)
        if not is_batch:
            return infer(jobs[0], threads)

        def infer_one_of_many(number_and_job: tuple[int, Job]) -> _Result:
            place, job = number_and_job
            try:
                return infer(job, 1 if len(jobs) >= threads else threads)
            except ValueError as error:
                raise ValueError(f"picture {place} of the batch: {error}") from error

        # One picture after another if they are few: each then has all the threads.
        with ThreadPoolExecutor(threads if len(jobs) >= threads else 1) as pool:
            results = list(pool.map(infer_one_of_many, enumerate(jobs)))
        if isinstance(picture, Sequence):
            return results
        stacked: Any = np.stack(results)
        return cast(_Result, stacked)
