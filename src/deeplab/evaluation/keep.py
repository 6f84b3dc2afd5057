"""The counts of an evaluation that is under way, in a file, so that it goes on where it stopped."""

import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab import whole_files
from deeplab.data import Sample
from deeplab.evaluation.tally import Tally
from deeplab.inference import differences

_DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile)


class Keep:
    """A file (`.npz`) of the counts so far; what is there and complete is taken over.

    Args:
        path: The file; its folder is made.
        about: What decides the numbers (weights, data, settings), as JSON values.
        every_s: Seconds from one writing to the next.

    Raises:
        ValueError: A folder, the counts of another evaluation, or something else.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], *, every_s: float = 10) -> None:
        if path.is_dir():
            raise ValueError(f"{path} is a folder; give the name of a file to keep counts in")
        self._path = path
        self._about = json.dumps(about, sort_keys=True)
        self._every_s = every_s
        self._written = time.monotonic()
        self._packed = _read(path) if path.exists() else None
        if self._packed is not None:
            self._check_same(json.loads(str(self._packed["about"])))
        path.parent.mkdir(parents=True, exist_ok=True)

    def restore(self, samples: Sequence[Sample], make: Callable[[], Tally]) -> list[Tally]:
        """Make tallies of what is in the file: none, or those of the first few pictures.

        Args:
            samples: All pictures of the evaluation, in order.
            make: Makes a tally with nothing in it.

        Raises:
            ValueError: The file is damaged, or of other pictures.
        """
        if self._packed is None:
            return []
        names = self._packed["names"].tolist()
        done = samples[: len(names)]
        if [sample.name for sample in done] != names:
            raise ValueError(f"{self._path} holds counts of other pictures; choose another file")
        tallies = []
        try:
            for index in range(int(self._packed["num_tallies"])):
                tally = make()
                tally.unpack(_below(self._packed, f"{index}/"), done)
                tallies.append(tally)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{self._path}: damaged ({error!r}); delete it") from error
        return tallies

    def write_if_due(self, samples: Sequence[Sample], tallies: Sequence[Tally]) -> None:
        """Write the counts if the last writing was long enough ago; see `write`."""
        if time.monotonic() - self._written >= self._every_s:
            self.write(samples, tallies)

    def write(self, samples: Sequence[Sample], tallies: Sequence[Tally]) -> None:
        """Write the counts, in the place of those before.

        Args:
            samples: All pictures of the evaluation, in order.
            tallies: All of the same first few pictures.
        """
        if not tallies:
            return
        arrays: dict[str, Any] = {
            "about": np.array(self._about),
            "names": np.array([sample.name for sample in samples[: len(tallies[0])]]),
            "num_tallies": np.array(len(tallies)),
        }
        for index, tally in enumerate(tallies):
            arrays |= {f"{index}/{key}": array for key, array in tally.pack().items()}
        whole_files.write_atomically(self._path, lambda file: np.savez(file, **arrays))
        self._written = time.monotonic()

    def _check_same(self, kept: Mapping[str, Any]) -> None:
        for difference in differences(kept, json.loads(self._about)):
            raise ValueError(
                f"{self._path} holds another evaluation: {difference}; choose another file, or "
                "delete it"
            )


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as loaded:
            arrays = {name: loaded[name] for name in loaded.files}
        json.loads(str(arrays["about"]))
        arrays["names"], arrays["num_tallies"]
    except (*_DAMAGE, KeyError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{path}: not the counts of an evaluation ({error}); choose another file, or delete it"
        ) from error
    return arrays


def _below(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
