"""The folder of this user's weight files: what was fetched, imported, compiled and timed."""

import os
import sys
from pathlib import Path


def cache_dir() -> Path:
    """Say where fetched and imported files lie; the folder need not be there.

    It is `$DEEPLAB_CACHE` if that is set, else `deeplab` where the system keeps such files:
    `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows `%LOCALAPPDATA%`.
    """
    chosen = os.environ.get("DEEPLAB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return _system_dir() / "deeplab"


def fetched_dir() -> Path:
    """Say where files of others lie as they came: in one folder for each name."""
    return cache_dir() / "fetched"


def imported_dir() -> Path:
    """Say where imported files lie: `NAME.safetensors` and `NAME.onnx`."""
    return cache_dir() / "imported"


def compiled_dir() -> Path:
    """Say where networks lie as runtimes compiled them for this machine."""
    return cache_dir() / "compiled"


def trials_dir() -> Path:
    """Say where it is remembered how fast networks ran on this machine."""
    return cache_dir() / "trials"


def _system_dir() -> Path:
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen and Path(chosen).is_absolute():  # relative ones are invalid, says the convention
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ".cache"
