"""What results were made with: a small record in their folder, for the next run to compare.

Pictures are skipped where the files of their results are there, whatever they were made with. The
record lists, for each output, the settings that results in the folder have: one, or several where
runs with different settings have worked there. Which picture has which is not kept, so that the
record stays small; once all files of an output are of one run, its settings alone are listed.
"""

import json
import logging
import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from deeplab import whole_files
from deeplab.inference.files import Outcome
from deeplab.inference.identity import differences
from deeplab.inference.joint_coco import JOINT_COCO
from deeplab.inference.outputs import Output, output_of

RECORD = ".deeplab.json"
"""Its name in the folder of the results."""

_SIMPLIFY = "simplify"
_SIMPLIFIED = ("geojson", "labelme")

_log = logging.getLogger(__name__)

Settings = dict[str, Any]


class MadeWith:
    """Compares the results that a run finds with what it would make, and notes what it makes.

    Args:
        out_dir: Folder of the results.
        settings: Gives what decides the results, as JSON values; asked once, if at all.
    """

    def __init__(self, out_dir: Path, settings: Callable[[], Mapping[str, Any]]) -> None:
        self._out_dir = out_dir
        self._path = out_dir / RECORD
        self._settings = settings
        self._before = _read(self._path)
        self._noted: set[Output] = set()
        self._made: set[Path] = set()  # only where there may be results with other settings
        self._num_others = 0
        self._other_outputs: set[Output] = set()

    def watch(self, outcomes: Generator[Outcome, None, None]) -> Generator[Outcome, None, None]:
        """Pass outcomes on, and note each."""
        with closing(outcomes):
            for outcome in outcomes:
                self._note(outcome)
                yield outcome
        self._forget_what_is_gone()

    def warning(self) -> str | None:
        """Say how many skipped pictures have results with other settings, if any has."""
        if not self._num_others:
            return None
        changes: dict[str, None] = {}  # in order, each once
        for output in sorted(self._other_outputs):
            for other in self._others(output):
                for one in differences(other, self._own(output)):
                    changes[one.as_change()] = None
        is_sure = not any(
            self._own(output) in self._before[output] for output in self._other_outputs
        )
        pictures = "1 picture was" if self._num_others == 1 else f"{self._num_others} pictures were"
        made = "were made" if is_sure else "were in part made"
        return (
            f"{pictures} skipped, but the results in {self._out_dir} {made} with other settings: "
            f"{'; '.join(changes)}. Add --overwrite to do them again with these, or give another "
            "folder with --out"
        )

    def _note(self, outcome: Outcome) -> None:
        others = {output for output in outcome.outputs if self._others(output)}
        if outcome.status == "skipped" and others:
            self._num_others += 1
            self._other_outputs |= others
        if outcome.status == "done":
            self._made.update(outcome.outputs[output] for output in others)
            if not self._noted.issuperset(outcome.outputs):
                self._noted.update(outcome.outputs)
                self._write(outcome.outputs)

    def _forget_what_is_gone(self) -> None:
        """List our settings alone for outputs all of whose files were made in this run."""
        ours = {output for output in self._noted if self._others(output)}
        if not ours:
            return
        for folder, folders, names in os.walk(self._out_dir):
            for name in (*folders, *names):
                is_of_picture = not name.startswith(".") and name != JOINT_COCO
                if is_of_picture and Path(folder, name) not in self._made:
                    ours.discard(cast(Output, output_of(name)))
            folders[:] = [name for name in folders if output_of(name) is None]
        if ours:
            self._write(ours, alone=True)

    def _others(self, output: Output) -> list[Settings]:
        before = self._before.get(output)
        return [one for one in before if one != self._own(output)] if before else []

    def _own(self, output: Output) -> Settings:
        if output in _SIMPLIFIED:
            return self._all_settings
        return {key: one for key, one in self._all_settings.items() if key != _SIMPLIFY}

    @cached_property
    def _all_settings(self) -> Settings:
        settings: Settings = json.loads(json.dumps(self._settings()))
        return settings

    def _write(self, outputs: Iterable[Output], *, alone: bool = False) -> None:
        """Add to the record as it is now: another run may have written to it meanwhile."""
        record = _read(self._path)
        for output in outputs:
            own = self._own(output)
            others = [] if alone else record.get(output, [])
            record[output] = [*(one for one in others if one != own), own]
        content = json.dumps({"made with": record}, indent=1).encode() + b"\n"
        try:
            whole_files.write_atomically(self._path, lambda file: file.write(content))
        except OSError as error:
            _log.warning(
                "%s cannot be written, so later runs cannot tell what results were made with: %s",
                self._path,
                error,
            )


def _read(path: Path) -> dict[Output, list[Settings]]:
    try:
        record = json.loads(path.read_bytes())["made with"]
        if all(isinstance(one, dict) for settings in record.values() for one in settings):
            return dict(record)
        raise ValueError("other values than settings")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("%s is damaged, and not used: %s", path, error)
        return {}
