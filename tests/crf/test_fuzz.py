import ctypes.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
RUN = REPOSITORY / "tests" / "crf" / "fuzz" / "run.py"


def fuzz(trace: Path, *arguments: str, **environment: str) -> None:
    """Run the cases in a process of their own, since a crash would end this one."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", RUN, "--trace", trace, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last = trace.read_text().strip() if trace.exists() else "none"
    print(done.stdout)  # how many cases ended in which way
    assert done.returncode == 0, f"exit {done.returncode} at case {last}:\n{done.stdout[-8000:]}"


def test_odd_input_gives_a_result_or_an_error_that_says_what_is_wrong(tmp_path: Path) -> None:
    fuzz(tmp_path / "trace", "--count", "400", "--seed", "1")


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the package with AddressSanitizer; gives the environment to run Python in.

    The build takes about a minute.
    """
    compiler = shutil.which("g++")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("the sanitized build is set up for g++ on Linux")
    folder = tmp_path_factory.mktemp("sanitized")
    options = {"define.DEEPLAB_SANITIZE": "ON", "build-type": "RelWithDebInfo"}
    settings = [f"--config-settings=cmake.{key}={value}" for key, value in options.items()]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder),
            *(*settings, "--config-settings=install.strip=false", REPOSITORY),
        ],
        env={**os.environ, "CXX": compiler},
        check=True,
    )
    # The sanitizer has to be there before all else, and the C++ library with it: it wraps throwing.
    asan = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    return {
        "PYTHONPATH": str(folder),
        "LD_PRELOAD": f"{asan} {ctypes.util.find_library('stdc++')}",
        # Python leaks by design; too large a request is to fail, as without the sanitizer.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }


@pytest.mark.slow
def test_twelve_thousand_odd_inputs_touch_no_memory_but_their_own(
    sanitized: dict[str, str], tmp_path: Path
) -> None:
    fuzz(tmp_path / "trace", "--count", "12000", **sanitized)
