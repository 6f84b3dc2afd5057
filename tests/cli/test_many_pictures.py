import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGINT nor FIFOs")

Start = Callable[..., subprocess.Popen[str]]

# A process that was started in the background ignores Ctrl-C, and so do those that it starts.
DEEPLAB = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from deeplab.cli.main import main
main()
"""


@pytest.fixture
def start(network_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start `deeplab segment` in a process of its own, in a folder with a picture that waits.

    `photos/b.png` is read only when somebody writes into it.
    """
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name in "acdefghij":
        Image.new("RGB", (9, 6), "#f00").save(f"photos/{name}.png")
    os.mkfifo("photos/b.png")
    command = [sys.executable, "-c", DEEPLAB, "segment"]
    running = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*command, "photos", "--weights", str(network_path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def _wait_for_reader(path: str) -> int:
    """Wait until somebody reads a FIFO, so that a picture is in hand; gives where to write."""
    for _ in range(3000):
        time.sleep(0.02)
        with suppress(OSError):  # nobody does yet
            writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            time.sleep(0.5)  # it is open: a signal before it is read would wait for the reading
            return writer
    raise AssertionError(f"nobody reads {path}")


def _interrupt(process: subprocess.Popen[str], *, once_there: str) -> None:
    """Wait for a line on standard error, and press Ctrl-C."""
    assert process.stderr is not None
    assert any(once_there in line for line in process.stderr)
    process.send_signal(signal.SIGINT)


def test_ctrl_c_finishes_the_pictures_in_hand_and_the_next_run_goes_on(start: Start) -> None:
    process = start("--threads", "2")
    waiting = _wait_for_reader("photos/b.png")
    _interrupt(process, once_there="[1/10] photos/a.png")
    assert process.stderr is not None
    assert any("finishing the pictures in hand" in line for line in process.stderr)
    os.write(waiting, Path("photos/a.png").read_bytes())  # what it waits for
    os.close(waiting)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130
    masks = {path.name: path.stat().st_mtime_ns for path in Path("segmented").glob("*.mask.png")}
    num_left = 10 - len(masks)
    assert num_left >= 1
    assert {"a.mask.png", "b.mask.png"} <= set(masks)
    assert f"{len(masks)} done" in out
    assert f"stopped (Ctrl-C): {num_left} of 10 are left; the same command goes on" in err
    Path("photos/b.png").unlink()
    Image.new("RGB", (9, 6), "#f00").save("photos/b.png")
    out, _ = start("--threads", "2").communicate(timeout=300)
    assert out.splitlines()[-1] == f"{num_left} done, {len(masks)} skipped"
    for name, when in masks.items():
        assert Path("segmented", name).stat().st_mtime_ns == when


def test_a_second_ctrl_c_stops_at_once_and_leaves_nothing_half_done(start: Start) -> None:
    process = start("--threads", "1")
    waiting = _wait_for_reader("photos/b.png")
    _interrupt(process, once_there="[1/10] photos/a.png")
    Path("segmented/.b.mask.png.0a1b2c3d.tmp").touch()
    _interrupt(process, once_there="finishing the pictures in hand")
    process.communicate(timeout=300)  # though b.png still waits
    os.close(waiting)
    assert process.returncode == 130
    assert sorted(os.listdir("segmented")) == [".deeplab.json", "a.mask.png", "a.overlay.jpg"]
