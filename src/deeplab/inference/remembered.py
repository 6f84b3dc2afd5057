"""What trials have shown on this machine, kept in the cache folder.

A file holds the trials of one network (and of its file in integers, if there is one), on one
processor, with one number of threads, by one set of versions: where any of these differs there is
another file, or none.
"""

import dataclasses
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deeplab import whole_files
from deeplab.cache import trials_dir
from deeplab.inference.engine import Setup
from deeplab.inference.network_file import hash_network
from deeplab.inference.trials import Trial
from deeplab.processor import num_cores, processor_name
from deeplab.weights import integer_path

_log = logging.getLogger(__name__)

_FORMAT = 2  # of what is kept, and how it is measured: whoever changes it counts on
_PACKAGES = ("onnxruntime", "onnxruntime-gpu", "openvino", "torch")


def recall(path: Path, *, threads: int | None, workers: int) -> list[Trial] | None:
    """Give the trials of weights on this machine; None: there were none.

    Args:
        path: The network file, or checkpoint. Nothing is read of it, or imported, unless there is
            something of a file of its size.
        threads: As in the trials.
        workers: As in the trials.
    """
    if not any(trials_dir().glob(f"{path.stat().st_size}-*.json")):
        return None
    remembered = _file(path, threads=threads, workers=workers)
    try:
        values = json.loads(remembered.read_text())
        return [_from_plain(one) for one in values["trials"]]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s is damaged, and not used: %s", remembered, error)
        return None


def remember(path: Path, trials: Sequence[Trial], *, threads: int | None, workers: int) -> None:
    """Keep the trials of weights for the next time; where that is impossible, do without.

    Args:
        path: The network file, or checkpoint.
        trials: What was seen.
        threads: As in the trials.
        workers: As in the trials.
    """
    values = {
        "about": _about(path, threads=threads, workers=workers),
        "trials": [dataclasses.asdict(trial) for trial in trials],
    }
    content = json.dumps(values, indent=1).encode()
    remembered = _file(path, threads=threads, workers=workers)
    try:
        remembered.parent.mkdir(parents=True, exist_ok=True)
        whole_files.write_atomically(remembered, lambda file: file.write(content))
    except OSError as error:
        _log.warning("%s cannot be written, so trials are not remembered: %s", remembered, error)


def _file(path: Path, *, threads: int | None, workers: int) -> Path:
    about = json.dumps(_about(path, threads=threads, workers=workers), sort_keys=True)
    key = hashlib.sha256(about.encode()).hexdigest()[:24]
    return trials_dir() / f"{path.stat().st_size}-{key}.json"


def _about(path: Path, *, threads: int | None, workers: int) -> dict[str, Any]:
    integers = integer_path(path)
    return {
        "format": _FORMAT,
        "weights (SHA-256)": hash_network(path),
        "integers (SHA-256)": None if integers is None else hash_network(integers),
        "processor": processor_name(),
        "cores": num_cores(),
        "threads": threads,
        "workers": workers,
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    from importlib import metadata  # slow to import, and needed only where there were trials

    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _from_plain(values: dict[str, Any]) -> Trial:
    return Trial(
        setup=Setup(**values["setup"]),
        start_s=float(values["start_s"]),
        picture_s=float(values["picture_s"]),
        size_s=float(values["size_s"]),
        same_labels=float(values["same_labels"]),
    )
