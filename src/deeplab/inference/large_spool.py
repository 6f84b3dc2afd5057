"""What is finished of a large picture, on disk, so that a run that was interrupted goes on.

A hidden folder beside the results keeps the scores of each row of tiles and, as the CRF takes
longer than the network, the rows that it has labelled. All else is quickly made of them: so the
next run reads them where it would compute them, does everything else as ever, and its results are
those of a run that was never interrupted. What cannot be read is computed again.
"""

import dataclasses
import json
import logging
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

import deeplab
from deeplab import whole_files
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.tiles import Side
from deeplab.rasters import Reading

_log = logging.getLogger(__name__)

_SUFFIX = ".unfinished"
_MADE_OF = "made-of"
_PROBE_PX = 97
_CLOSE = 1e-3  # of the largest score: other threads and GPUs differ by less, other networks by more


class Spool:
    """Keeps arrays by name, until the picture is done.

    Args:
        folder: Where; made when there is something to keep. None: nothing is kept.
        picture: What is labelled, in words and numbers that JSON knows.
    """

    def __init__(self, folder: Path | None = None, picture: Mapping[str, object] = {}) -> None:
        self._folder, self._picture = folder, picture

    @classmethod
    def beside(cls, prefix: Path, source: object, reading: Reading, level: int) -> Self:
        """Name the spool of a picture; of what is no file, which cannot be known again, none.

        Args:
            prefix: Folder and beginning of the names of its results.
            source: See `segment_large`.
            reading: Likewise.
            level: Likewise.
        """
        if not (isinstance(source, Path) and source.is_file()):
            return cls()
        state = source.stat()
        picture = {
            "path": str(source.resolve()),
            "bytes": state.st_size,
            "changed": state.st_mtime_ns,
            "reading": dataclasses.asdict(reading),
            "level": level,
        }
        return cls(spool_folder(prefix), picture)

    def begin(
        self, segmenter: Segmenter, rows: Side, columns: Side, *, with_probabilities: bool
    ) -> None:
        """Keep what is there, if it was made of the same picture in the same way; else remove it.

        Args:
            segmenter: The network; what it says of a picture that is always the same tells it.
            rows: How the picture is cut.
            columns: Likewise.
            with_probabilities: See `label_rows`.
        """
        if self._folder is None:
            return
        way = _describe(segmenter, rows, columns, with_probabilities)
        made_of = json.dumps({"picture": self._picture} | way, sort_keys=True)
        probe = _probe(segmenter)
        if self._folder.is_dir():
            kept = self.recall(_MADE_OF)
            if (
                kept is not None
                and str(kept["made_of"]) == made_of
                and _agree(kept["probe"], probe)
            ):
                _log.info("%s: goes on where it was interrupted", self._picture["path"])
                with suppress(OSError):
                    os.utime(self._folder)  # it is in use again, see `clear_old_spools`
                return
            _log.info("%s: begins anew, as picture or settings are others", self._picture["path"])
            self.remove()
        self.keep(_MADE_OF, {"made_of": np.array(made_of), "probe": probe})

    def recall(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Give the arrays that were kept under a name; None: there are none."""
        if self._folder is None:
            return None
        path = self._folder / f"{name}.npz"
        try:
            with np.load(path, allow_pickle=False) as file:  # it checks sums
                return {key: file[key] for key in file.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            _log.warning("%s is damaged, and what it held is computed again: %s", path, error)
            return None

    def keep(self, name: str, arrays: dict[str, Any]) -> None:
        """Keep arrays under a name; where that is impossible, do without from now on.

        Raises:
            OSError: The disk was full, or read-only, before any work: results had no room either.
        """
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{name}.npz"
            whole_files.write_atomically(path, lambda file: np.savez(file, **arrays))
        except OSError as error:
            self.remove()
            if name == _MADE_OF and error.errno in whole_files.HOPELESS:
                raise
            _log.warning(
                "%s cannot be written, so an interruption costs all of this picture: %s",
                self._folder,
                error,
            )
            self._folder = None

    def remove(self) -> None:
        """Remove all that is kept."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def has_rows(prefix: Path) -> bool:
    """Tell whether something that is done of a picture is kept.

    Args:
        prefix: Folder and beginning of the names of its results.
    """
    return any(spool_folder(prefix).glob("scores-*.npz"))


def spool_folder(prefix: Path) -> Path:
    """Name the folder that keeps what is done of a picture.

    Args:
        prefix: Folder and beginning of the names of its results.
    """
    return prefix.with_name(f".{prefix.name}{_SUFFIX}")


def spools_in(folder: Path) -> Iterator[Path]:
    """Find such folders, of any pictures; not what somebody else has called so."""
    for path in sorted(folder.glob(f".*{_SUFFIX}")):
        with suppress(OSError):
            if path.is_symlink() or not path.is_dir():
                continue
            if all(inside.suffix in (".npz", ".tmp") for inside in path.iterdir()):
                yield path


def _describe(
    segmenter: Segmenter, rows: Side, columns: Side, with_probabilities: bool
) -> dict[str, object]:
    """Say in JSON what decides about the numbers that are kept."""
    return {
        "version": deeplab.__version__,
        "network": segmenter.card.name,
        "engine": str(segmenter.engine.setup),
        "settings": segmenter.settings(),
        "probabilities": segmenter.crf is not None and with_probabilities,
        "tiles": [dataclasses.asdict(side) for side in (rows, columns)],
    }


def _probe(segmenter: Segmenter) -> NDArray[np.float32]:
    """Score a picture that is always the same."""
    shape = (_PROBE_PX, _PROBE_PX, segmenter.card.num_bands)
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return segmenter.score_as_is(picture)[0]


def _agree(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    within = _CLOSE * float(np.abs(other).max())
    return one.shape == other.shape and np.allclose(one, other, rtol=0, atol=within)
