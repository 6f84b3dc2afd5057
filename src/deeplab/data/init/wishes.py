"""What a user may say instead of having it found out."""

from dataclasses import dataclass
from pathlib import Path

from deeplab.data.description import FILE_NAME
from deeplab.data.duplicates import NEAR

DEFAULT_VAL = 0.2


@dataclass(frozen=True)
class Wishes:
    """What a user may say instead of having it found out.

    Attributes:
        images: Folder of the pictures.
        masks: Folder of the label maps.
        classes: Names of the classes.
        void: Values that are void; (): 255 alone.
        val: Share of the pictures for `val`, where splits are to be made.
        test: Share for `test`.
        seed: For dealing.
        distance: Bits in which fingerprints of near-duplicates may differ.
        target: Folder for `data.yaml` and lists; None: the folder that is looked at.
        overwrite: Files of these names may be replaced.
    """

    images: Path | None = None
    masks: Path | None = None
    classes: tuple[str, ...] = ()
    void: tuple[int, ...] | None = None
    val: float | None = None
    test: float = 0.0
    seed: int = 0
    distance: int = NEAR
    target: Path | None = None
    overwrite: bool = False


def check(wishes: Wishes, root: Path) -> None:
    """Refuse wishes that cannot be fulfilled.

    Raises:
        ValueError: No such folder, a `data.yaml` that is there already, shares that leave nothing.
    """
    target = wishes.target or root
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder; give the one that holds pictures and label maps")
    if (target / FILE_NAME).exists() and not wishes.overwrite:
        raise ValueError(
            f"{target / FILE_NAME} is there already: train with it, or replace it with --overwrite"
        )
    shares = (wishes.val if wishes.val is not None else DEFAULT_VAL, wishes.test)
    if not (0 < shares[0] < 1 and 0 <= shares[1] < 1 and sum(shares) < 1):
        raise ValueError(
            f"--val {shares[0]:g} --test {shares[1]:g}: give shares of all pictures, such as 0.2 "
            "and 0.1, that leave some for train"
        )
