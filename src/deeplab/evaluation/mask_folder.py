"""Label maps in files, in the place of a network: what other systems found, scored by our rules."""

from pathlib import Path

from deeplab import imaging
from deeplab.data import Sample
from deeplab.data.coding import PLAIN

OUR_SUFFIX = ".mask.png"
"""Of what `deeplab segment` writes: label ids, whatever the label maps of the data set hold."""


class MaskFolder:
    """Predicted label maps: `FOLDER/NAME.png` or `FOLDER/NAME.mask.png` for the picture `NAME.jpg`.

    `NAME.mask.png`, as `deeplab segment` writes it, holds label ids; `NAME.png` holds whatever the
    label maps of the data set hold: ids, other values or colours.

    Args:
        folder: Where the files are.

    Raises:
        ValueError: No such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ValueError(f"label maps {folder}: no such folder")
        self._folder = folder

    def __contains__(self, sample: Sample) -> bool:
        """Say whether there is a label map of this picture."""
        return self._path(sample) is not None

    def read(self, sample: Sample, num_classes: int) -> imaging.LabelMap:
        """Read the predicted label map of a picture: (H, W), 0..K-1, or void.

        Raises:
            ValueError: There is none, or it holds something else.
        """
        path = self._path(sample)
        if path is None:
            raise ValueError(
                f"{self._folder}: no label map of {sample.name}; it would be called "
                f"{sample.name}.png or {sample.name}{OUR_SUFFIX}"
            )
        coding = PLAIN if path.name.endswith(OUR_SUFFIX) else sample.coding
        return coding.read(path, num_classes)

    def _path(self, sample: Sample) -> Path | None:
        for name in (sample.name, sample.picture_path.stem):  # in folders as the pictures, or flat
            for suffix in (OUR_SUFFIX, ".png"):
                path = self._folder / f"{name}{suffix}"
                if path.is_file():
                    return path
        return None


def holds_masks(path: Path) -> bool:
    """Say whether a folder holds label maps, and no class scores."""
    if not path.is_dir() or any(path.glob("*.npz")):
        return False
    return any(path.rglob("*.png"))
