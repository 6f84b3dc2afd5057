"""The scores of Cityscapes, measured while a network is evaluated on its 19 classes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.data import cityscapes_files as files
from deeplab.evaluation.cityscapes import CityscapesCounts
from deeplab.evaluation.cityscapes_scores import CityscapesScores


class CityscapesMeasure:
    """Pixel counts by class, and of the objects whose instance ids lie beside the label maps."""

    def __init__(self) -> None:
        self._counts = CityscapesCounts()

    def add_labels(
        self,
        truth: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        *,
        label_path: Path | None,
        picture_name: str,
    ) -> None:
        """Count one picture.

        Args:
            truth: True label map (H, W): classes 0..18, 255 void.
            labels: Predicted label map (H, W): classes 0..18.
            label_path: Where the true label map is; instance ids are looked for beside it.
            picture_name: What error messages call the picture.

        Raises:
            ValueError: The label maps differ in size, or the instance ids are wrong.
        """
        path = None if label_path is None else files.instances_path(label_path)
        self._counts.add(
            files.to_label_ids(truth),
            files.to_label_ids(labels),
            picture_name=picture_name,
            instances=files.read_instances(path) if path is not None and path.is_file() else None,
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all sums so far; those of two parts of a data set can be added up."""
        return self._counts.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from sums that `state` gave."""
        self._counts.restore(state)

    def result(self) -> CityscapesScores:
        """Read the scores off the sums so far.

        Raises:
            ValueError: There were instance ids for some pictures only.
        """
        return self._counts.scores()
