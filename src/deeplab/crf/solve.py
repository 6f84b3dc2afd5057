"""One picture, from what the user gave to its marginals or labels.

Shapes: H, W the picture, C its channels, K labels, (h, w) the score grid.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from deeplab.crf import exact
from deeplab.crf.batch import Job
from deeplab.crf.engine import _kernel, borrowed_workspace, choose_variant
from deeplab.crf.inputs import (
    check_coordinates,
    check_picture,
    check_probabilities,
    check_scores,
    check_size,
    find_bad_scores,
)
from deeplab.crf.parameters import Bilateral, Spatial, Term

if TYPE_CHECKING:
    from deeplab.crf.dense_crf import DenseCRF

LabelChoice = Literal["all", "present"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Problem:
    """What the algorithm is given: checked, typed, and only with the labels that take part."""

    picture: NDArray[np.uint8]  # (H, W, C)
    scores: NDArray[np.float32]  # (K, h, w) of the labels that take part
    terms: list[Term]
    energy: NDArray[np.float32] | None  # (K, K) of the same
    num_labels: int  # of all
    taking_part: NDArray[np.intp] | None  # indices of labels; none: all


def marginals(
    crf: "DenseCRF", job: Job, labels: LabelChoice, *, threads: int
) -> NDArray[np.float32]:
    """Infer marginals (K, H, W); see `DenseCRF.refine`."""
    problem = _prepare(crf, job, labels)
    inferred = _infer_marginals(crf, problem, threads)
    if problem.taking_part is None:
        return inferred
    everything = np.zeros((problem.num_labels, *problem.picture.shape[:2]), np.float32)
    everything[problem.taking_part] = inferred
    return everything


def label_map(crf: "DenseCRF", job: Job, labels: LabelChoice, *, threads: int) -> NDArray[Any]:
    """Infer labels (H, W); see `DenseCRF.labels`."""
    problem = _prepare(crf, job, labels)
    dtype = np.uint8 if problem.num_labels <= 256 else np.int32
    if crf.accuracy == "exact":
        best: NDArray[Any] = _infer_marginals(crf, problem, threads).argmax(axis=0)
    else:
        best = np.empty(problem.picture.shape[:2], np.int32)
        _run(crf, problem, threads, labels=best)
    if problem.taking_part is None:
        return best.astype(dtype, copy=False)
    chosen: NDArray[Any] = problem.taking_part.astype(dtype)[best]
    return chosen


def _prepare(crf: "DenseCRF", job: Job, labels: LabelChoice) -> _Problem:
    """Check everything at the door, and choose the labels that take part."""
    if labels not in get_args(LabelChoice):
        raise ValueError(f"labels={labels!r}: give one of {', '.join(get_args(LabelChoice))}")
    picture = check_picture(job.picture)
    is_grid = check_size(job.size, picture)
    check_values = check_probabilities if job.are_probabilities else check_scores
    scores = check_values(job.values, picture, is_grid=is_grid)
    energy = _energy(crf, len(scores))
    terms = _terms(crf, picture)
    if labels == "all":
        return _Problem(picture, scores, terms, energy, len(scores), None)
    present = _present_labels(scores)
    chosen = np.ascontiguousarray(scores[present])
    energy = None if energy is None else np.ascontiguousarray(energy[np.ix_(present, present)])
    return _Problem(picture, chosen, terms, energy, len(scores), present)


def _energy(crf: "DenseCRF", num_labels: int) -> NDArray[np.float32] | None:
    if crf.compatibility is None:
        return None
    energy = np.array(crf.compatibility, np.float32)
    if len(energy) != num_labels:
        raise ValueError(
            f"compatibility is {energy.shape}, but there are scores of {num_labels} labels: give a "
            f"({num_labels}, {num_labels}) matrix"
        )
    return energy


def _terms(crf: "DenseCRF", picture: NDArray[np.uint8]) -> list[Term]:
    """List the kernels that count, spatial ones first as in the published code."""
    found = []
    for kernel in (*_as_tuple(crf.spatial), *_as_tuple(crf.bilateral)):
        term = Term(kernel.weight, kernel.deviations(picture.shape[2]))
        if term.weight > 0:
            check_coordinates(picture, term.deviations, kind=type(kernel).__name__)
            found.append(term)
    return found


def _as_tuple(
    kernels: Bilateral | Spatial | tuple[Bilateral | Spatial, ...],
) -> tuple[Bilateral | Spatial, ...]:
    return kernels if isinstance(kernels, tuple) else (kernels,)


def _present_labels(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Find the labels that have the best score somewhere, ties included."""
    best = scores.max(axis=0)
    if np.isnan(best).any():  # which is best cannot be said
        raise ValueError(find_bad_scores(scores))
    return np.flatnonzero([(one_label == best).any() for one_label in scores])


def _infer_marginals(crf: "DenseCRF", problem: _Problem, threads: int) -> NDArray[np.float32]:
    if crf.accuracy == "exact":
        bad = find_bad_scores(problem.scores)
        if bad:
            raise ValueError(bad)
        return exact.mean_field(
            problem.picture,
            problem.scores,
            problem.terms,
            problem.energy,
            iterations=crf.iterations,
            normalization=crf.normalization,
            tolerance=crf.tolerance,
        )
    inferred = np.empty((len(problem.scores), *problem.picture.shape[:2]), np.float32)
    _run(crf, problem, threads, marginals=inferred)
    return inferred


def _run(
    crf: "DenseCRF",
    problem: _Problem,
    threads: int,
    *,
    marginals: NDArray[np.float32] | None = None,
    labels: NDArray[np.int32] | None = None,
) -> None:
    """Have the compiled module write marginals or labels."""
    height, width = problem.picture.shape[:2]
    kernels = [
        _kernel.Kernel(
            deviations=list(term.deviations),
            picture=problem.picture if term.sees_colour else None,
            features=None,
            weight=term.weight,
            energy=problem.energy,
            normalization=crf.normalization,
        )
        for term in problem.terms
    ]
    variant = choose_variant(crf.variant)
    with borrowed_workspace() as workspace:
        try:
            done = _kernel.mean_field(
                workspace,
                kernels,
                problem.scores,
                height,
                width,
                iterations=crf.iterations if kernels else 0,  # without messages nothing changes
                threads=threads,
                variant=variant,
                dilated=crf.accuracy == "dilated",
                half=crf.precision == "half",
                tolerance=crf.tolerance,
                marginals=marginals,
                labels=labels,
            )
        except ValueError as error:
            # It knows that scores are bad, from reading them anyhow; where is only looked up now.
            raise ValueError(find_bad_scores(problem.scores) or str(error)) from error
    _log.debug("%d of %d iterations", done, crf.iterations)
