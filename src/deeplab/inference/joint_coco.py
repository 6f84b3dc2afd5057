"""The COCO file of all pictures of a run, beside those of single ones."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from deeplab.inference.annotations import join_coco
from deeplab.inference.files import Job
from deeplab.inference.outputs import OUTPUTS, Output, output_paths

JOINT_COCO = "all-pictures.coco.json"
"""Its name in the folder of the results."""

_OUTPUT: Output = "coco"


def check_joint_coco(jobs: Iterable[Job], outputs: Sequence[str], out_dir: Path) -> None:
    """Check that no picture's result would be called as the file of all.

    Args:
        jobs: All pictures.
        outputs: What is saved of each.
        out_dir: Folder of the results.

    Raises:
        ValueError: One would.
    """
    if _OUTPUT not in outputs:
        return
    taken = str(out_dir / JOINT_COCO).casefold()  # on some file systems All and all are one file
    suffixes = [OUTPUTS[output].suffix for output in outputs if output in OUTPUTS]
    for job in jobs:
        if any(f"{job.prefix}{suffix}".casefold() == taken for suffix in suffixes):
            raise ValueError(
                f"{job.name}: a result of it would be called {JOINT_COCO}, as the one of all "
                "pictures is; give the picture another name"
            )


def write_joint_coco(jobs: Iterable[Job], out_dir: Path) -> None:
    """Join the COCO files of pictures; where fewer than two are there, there is nothing to join.

    Args:
        jobs: All pictures.
        out_dir: Folder of the results.
    """
    paths = (output_paths(job.prefix, (_OUTPUT,))[_OUTPUT] for job in jobs)
    there = [path for path in paths if path.exists()]
    if len(there) > 1:
        join_coco(there, out_dir / JOINT_COCO)
