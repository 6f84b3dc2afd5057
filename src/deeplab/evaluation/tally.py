"""All that one evaluation counts, of one kind of label maps."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.data import Sample
from deeplab.evaluation.conventions import Convention
from deeplab.evaluation.measure import PictureResult, State, add_states
from deeplab.evaluation.metrics import ConfusionMatrix, count_pairs
from deeplab.evaluation.pictures import PictureScores
from deeplab.evaluation.record import MEASURES, Evaluation, MeasureName


@dataclass(frozen=True, eq=False)
class Counted:
    """What was counted in one picture: little, however large the picture.

    Attributes:
        cells: See `PictureScores`.
        pixels: See `PictureScores`.
        states: The state of each measure after this picture alone.
    """

    cells: NDArray[np.int64]
    pixels: NDArray[np.int64]
    states: Mapping[MeasureName, State]


class Tally:
    """Adds up what was counted in pictures; counting needs nothing of it and runs in any thread.

    Args:
        class_names: The K names.
        measures: What is measured beside the scores.
        convention: What means over classes do with those that are nowhere.
    """

    def __init__(
        self,
        class_names: tuple[str, ...],
        measures: Collection[MeasureName] = (),
        convention: Convention = "devkit",
    ) -> None:
        self._class_names = class_names
        self._convention: Convention = convention
        self._makers = {name: MEASURES[name] for name in measures}
        self._states = {
            name: make(len(class_names), convention).state() for name, make in self._makers.items()
        }
        self._pictures: list[PictureScores] = []

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._pictures)

    def count(self, picture: PictureResult) -> Counted:
        """Count one picture by itself.

        Raises:
            ValueError: The two label maps differ in size, or a label is not a class.
        """
        num_classes = len(self._class_names)
        pairs = count_pairs(
            picture.truth, picture.labels, num_classes=num_classes, picture_name=picture.name
        ).ravel()
        states = {}
        for name, make in self._makers.items():
            measure = make(num_classes, self._convention)
            measure.add(picture)
            states[name] = measure.state()
        cells = np.flatnonzero(pairs)
        return Counted(cells, pairs[cells], states)

    def add(self, sample: Sample, counted: Counted) -> None:
        """Add what was counted in the next picture."""
        self._pictures.append(self._scores_of(sample, counted.cells, counted.pixels))
        for name, state in counted.states.items():
            self._states[name] = add_states(self._states[name], state)

    def read(self, *, without_crf: Evaluation | None = None) -> Evaluation:
        """Read everything off the sums so far."""
        matrix = ConfusionMatrix(self._class_names)
        for picture in self._pictures:
            matrix.add_scores(picture)
        results = {}
        for name, make in self._makers.items():
            measure = make(len(self._class_names), self._convention)
            measure.restore(self._states[name])
            results[name] = measure.result()
        return Evaluation(
            scores=matrix.scores(convention=self._convention),
            pictures=tuple(self._pictures),
            without_crf=without_crf,
            **results,
        )

    def pack(self) -> State:
        """Give all counts as a few arrays, to be kept in a file."""
        empty = np.zeros(0, dtype=np.int64)
        packed = {
            "num_cells": np.array([len(one.cells) for one in self._pictures], dtype=np.int64),
            "cells": np.concatenate([empty, *(one.cells for one in self._pictures)]),
            "pixels": np.concatenate([empty, *(one.pixels for one in self._pictures)]),
        }
        for name, state in self._states.items():
            packed |= {f"{name}/{key}": sums for key, sums in state.items()}
        return packed

    def unpack(self, packed: Mapping[str, NDArray[Any]], samples: Sequence[Sample]) -> None:
        """Go on from counts that were kept.

        Args:
            packed: What `pack` gave.
            samples: The pictures they are of, in order.

        Raises:
            KeyError: An array is missing.
        """
        ends = packed["num_cells"].cumsum()[:-1]
        cells, pixels = (np.split(packed[key], ends) for key in ("cells", "pixels"))
        self._pictures = [self._scores_of(*one) for one in zip(samples, cells, pixels, strict=True)]
        self._states = {
            name: {key: packed[f"{name}/{key}"] for key in state}
            for name, state in self._states.items()
        }

    def _scores_of(
        self, sample: Sample, cells: NDArray[np.int64], pixels: NDArray[np.int64]
    ) -> PictureScores:
        assert sample.label_path is not None
        return PictureScores(
            sample.name,
            sample.picture_path,
            sample.label_path,
            len(self._class_names),
            cells,
            pixels,
        )
