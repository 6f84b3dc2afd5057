"""The scores of Cityscapes, measured while a network is evaluated on its 19 classes."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from deeplab.data import cityscapes_files as files
from deeplab.evaluation.cityscapes import CityscapesCounts
from deeplab.evaluation.cityscapes_scores import CityscapesScores
from deeplab.evaluation.measure import PictureResult


class CityscapesMeasure:
    """Pixel counts by class, and of the objects whose instance ids lie beside the label maps."""

    def __init__(self) -> None:
        self._counts = CityscapesCounts()

    def add(self, picture: PictureResult) -> None:
        """Count one picture; instance ids are looked for beside its true label map.

        Raises:
            ValueError: The label maps differ in size, or the instance ids are wrong.
        """
        path = picture.label_path and files.instances_path(picture.label_path)
        self._counts.add(
            files.to_label_ids(picture.truth),
            files.to_label_ids(picture.labels),
            picture_name=picture.name,
            instances=files.read_instances(path) if path and path.is_file() else None,
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
