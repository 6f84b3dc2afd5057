import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deeplab.cache import trials_dir
from deeplab.inference import (
    PLAIN,
    Setup,
    Trial,
    allowed_trials,
    open_engine,
    quickest,
    remember,
    replace_metadata,
)
from deeplab.inference.fallback import WithFallback
from deeplab.inference.network_file import read_card
from deeplab.precisions import PrecisionRecord

BF16, OPENVINO = Setup("openvino", "bf16"), Setup("openvino")
HARMLESS = PrecisionRecord(-0.001, 0.98, "colours val", 9, "any")
HARMFUL = replace(HARMLESS, miou_change=-0.01)

QUICK_TO_START = Trial(PLAIN, 0.2, 0.16, 0.0, 1.0)
QUICK_TO_SCORE = Trial(OPENVINO, 1.2, 0.06, 0.0, 1.0)
QUICKEST = Trial(BF16, 1.2, 0.02, 0.0, 0.98)

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def openvino() -> None:
    pytest.importorskip("openvino", reason="the openvino extra")


@pytest.mark.parametrize(
    ("num_pictures", "wanted"),
    [(1, QUICK_TO_START), (9, QUICK_TO_START), (11, QUICK_TO_SCORE), (None, QUICK_TO_SCORE)],
)
def test_what_is_done_first_depends_on_how_many_pictures_there_are(num_pictures, wanted):
    # 0.2 + 0.16 n and 1.2 + 0.06 n meet at n = 10.
    assert quickest([QUICK_TO_START, QUICK_TO_SCORE], num_pictures) is wanted


@pytest.mark.parametrize(("num_pictures", "wanted"), [(100, 0), (900, 1), (None, 1)])
def test_what_new_sizes_cost_counts(num_pictures: int | None, wanted: int) -> None:
    # 0.2 + 0.16 n and 0.2 + 0.06 n + 4 sqrt(n) / 2 meet at n = 400.
    trials = [QUICK_TO_START, Trial(OPENVINO, 0.2, 0.06, 0.5, 1.0)]
    assert quickest(trials, num_pictures) is trials[wanted]


def test_fewer_bits_are_taken_only_where_they_are_known_to_be_harmless():
    trials = [QUICK_TO_START, QUICKEST]
    assert allowed_trials(trials, {"bf16": HARMLESS}) == trials
    assert allowed_trials(trials, {"bf16": HARMFUL}) == [QUICK_TO_START]
    assert allowed_trials(trials, {}) == [QUICK_TO_START]


def test_fewer_bits_are_not_taken_where_this_machine_disagrees():
    trials = [QUICK_TO_START, replace(QUICKEST, same_labels=0.96)]
    assert allowed_trials(trials, {"bf16": HARMLESS}) == [QUICK_TO_START]


def test_fewer_bits_are_taken_where_they_are_asked_for():
    assert allowed_trials([QUICKEST], {}, precision="bf16") == [QUICKEST]


def test_an_engine_that_is_wrong_in_float32_is_not_taken():
    assert allowed_trials([replace(QUICK_TO_SCORE, same_labels=0.99)], {}) == []


def test_where_nothing_is_remembered_it_is_onnxruntime(network_path: Path) -> None:
    for num_pictures in (None, 1, 99):
        assert open_engine(network_path, num_pictures=num_pictures).setup == PLAIN
    assert not trials_dir().exists()


def test_what_is_remembered_decides(network_path: Path, openvino: None) -> None:
    remember(network_path, [QUICK_TO_START, QUICK_TO_SCORE], threads=None, workers=1)
    assert open_engine(network_path, num_pictures=1).setup == PLAIN
    assert open_engine(network_path, num_pictures=11).setup == OPENVINO
    assert open_engine(network_path).setup == OPENVINO
    assert open_engine(network_path, threads=1).setup == PLAIN  # nothing is known of one thread


def test_an_engine_that_is_asked_for_is_taken_though_it_is_slower(
    network_path: Path, openvino: None
) -> None:
    remember(network_path, [QUICK_TO_START, QUICK_TO_SCORE], threads=None, workers=1)
    assert open_engine(network_path, engine="onnxruntime").setup == PLAIN
    assert open_engine(network_path, engine="openvino", num_pictures=1).setup == OPENVINO


def test_many_pictures_are_worth_trials_that_are_remembered(
    network_path: Path, openvino: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        first = open_engine(network_path, threads=1, num_pictures=1000).setup
        again = open_engine(network_path, threads=1, num_pictures=1000).setup
    assert first == again
    trying, *why = caplog.messages
    assert trying == "trying onnxruntime f32, openvino f32 on this machine"
    assert len(set(why)) == 1
    assert why[0].startswith(f"engine: {first} (")


def test_an_engine_that_does_not_load_is_replaced_with_a_warning(
    network_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    remember(network_path, [QUICK_TO_SCORE], threads=None, workers=1)
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it fails
    assert open_engine(network_path).setup == PLAIN
    (message,) = caplog.messages
    assert message.startswith("openvino f32 cannot be used, onnxruntime f32 is: engine openvino is")


def test_an_engine_that_fails_on_pictures_has_one_behind_it(
    network_path: Path, openvino: None
) -> None:
    remember(network_path, [QUICK_TO_SCORE], threads=None, workers=1)
    engine = open_engine(network_path)
    assert isinstance(engine, WithFallback)
    wanted = open_engine(network_path, engine="onnxruntime").class_scores
    picture = np.full((1, 5, 6, 3), 99, np.uint8)
    np.testing.assert_allclose(engine.class_scores(picture), wanted(picture), rtol=1e-5)


def test_an_engine_that_is_not_installed_says_how_to_install_it(
    network_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ValueError, match=r"pip install 'deeplabkit\[openvino\]'"):
        open_engine(network_path, engine="openvino")


def test_an_engine_that_is_broken_is_warned_of_and_left_out_of_trials(
    network_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "broken" / "openvino").mkdir(parents=True)
    (tmp_path / "broken" / "openvino" / "__init__.py").write_text("raise ImportError('no libtbb')")
    monkeypatch.syspath_prepend(tmp_path / "broken")
    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    assert open_engine(network_path, num_pictures=1000).setup == PLAIN
    assert caplog.messages == ["engine openvino cannot be imported: no libtbb"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"engine": "caffe"}, "engine 'caffe': give one of auto, onnxruntime, openvino, torch"),
        ({"precision": "f16"}, "precision 'f16': give one of auto, f32, bf16"),
        ({"engine": "onnxruntime", "precision": "bf16"}, "onnxruntime computes in f32"),
        ({"engine": "torch", "precision": "f32"}, "torch runs checkpoints"),
        ({"threads": 0}, "threads 0: give 1 or more"),
    ],
)
def test_choices_that_cannot_be_are_refused(
    choice: dict[str, str], message: str, network_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        open_engine(network_path, **choice)


def test_a_checkpoint_is_for_torch_alone(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    path.write_bytes(bytes(64))
    with pytest.raises(ValueError, match=r"a checkpoint, which torch alone can run; .*export"):
        open_engine(path, engine="openvino", precision="f32")


def test_the_record_of_a_precision_travels_in_the_network_file(
    network_path: Path, make_network: Callable[..., Path]
) -> None:
    card = replace(read_card(network_path), precisions={"bf16": HARMLESS})
    network_path.write_bytes(replace_metadata(network_path, card.to_metadata()))
    assert open_engine(network_path).card.precisions == {"bf16": HARMLESS}


def test_one_photo_imports_no_other_engine(network_path: Path) -> None:
    code = (
        "import sys\n"
        "from deeplab.inference import Segmenter\n"
        f"Segmenter.load({str(network_path)!r}, num_pictures=1)\n"
        "print([name for name in ('openvino', 'torch', 'subprocess') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
