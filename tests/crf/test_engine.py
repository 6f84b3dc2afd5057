"""The compiled module: what is said where it is missing, and the memory it is lent."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.crf import samples

from deeplab.crf import DenseCRF, engine

WITHOUT = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == {blocked!r} or name.startswith({blocked!r} + "."):
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, Blocker())
"""


def _run_without(blocked: str, code: str) -> str:
    program = WITHOUT.format(blocked=blocked) + textwrap.dedent(code)
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_without_the_compiled_module_the_first_use_says_how_to_build_it() -> None:
    printed = _run_without(
        "deeplab.crf._kernel",
        """
        import numpy as np
        from deeplab.crf import DenseCRF
        assert DenseCRF.preset("v1").to_dict()["iterations"] == 10
        try:
            DenseCRF().refine(np.zeros((4, 5, 3), np.uint8), np.zeros((2, 4, 5), np.float32))
        except ImportError as error:
            print(error)
        """,
    )
    assert "No module named deeplab.crf._kernel" in printed
    assert "C++17 compiler" in printed
    assert "pip install ." in printed


def test_the_crf_and_its_stand_in_for_pydensecrf_need_no_torch() -> None:
    printed = _run_without(
        "torch",
        """
        import numpy as np
        import deeplab.crf.pydensecrf.densecrf as dcrf
        from deeplab.crf import DenseCRF
        print(DenseCRF().labels(np.zeros((4, 5, 3), np.uint8), np.zeros((2, 4, 5), np.float32)))
        print(np.array(dcrf.DenseCRF2D(5, 4, 2).inference(1)).shape)
        """,
    )
    assert "(2, 20)" in printed


def test_a_variant_that_this_processor_lacks_is_refused() -> None:
    missing = {"avx512", "avx2", "neon"} - set(engine._kernel.variants())
    assert missing  # no processor has both neon and avx
    with pytest.raises(ValueError, match=r"this processor runs .*leave variant out"):
        engine.choose_variant(missing.pop())


def test_buffers_are_used_again() -> None:
    engine._kept.clear()
    DenseCRF().labels(samples.picture(), samples.scores())
    ((_, kept),) = engine._kept
    DenseCRF().labels(samples.picture(), samples.scores())
    assert [workspace for _, workspace in engine._kept] == [kept]
    assert kept.bytes > 0


def test_a_thread_gets_its_own_buffers_back() -> None:
    engine._kept.clear()
    with engine.borrowed_workspace() as mine, ThreadPoolExecutor(1) as pool:
        pool.submit(DenseCRF(threads=1).labels, samples.picture(), samples.scores()).result()
    engine._kept.reverse()  # the other thread's would be next
    with engine.borrowed_workspace() as again:
        assert again is mine


def test_buffers_that_are_too_large_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "KEPT_BYTES", 1000)
    engine._kept.clear()
    DenseCRF().labels(samples.picture(), samples.scores())
    assert engine._kept == []


def test_a_failed_call_leaves_its_buffers_fit_for_the_next() -> None:
    engine._kept.clear()
    bad = samples.scores()
    bad[0, 30, 40] = np.nan
    expected = DenseCRF(threads=1).refine(samples.picture(), samples.scores())
    with pytest.raises(ValueError, match="NaN"):
        DenseCRF(threads=1).refine(samples.picture(), bad)
    again = DenseCRF(threads=1).refine(samples.picture(), samples.scores())
    np.testing.assert_array_equal(again, expected)
