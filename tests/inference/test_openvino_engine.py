import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from deeplab.cache import compiled_dir
from deeplab.inference import OnnxRuntimeEngine, Setup
from deeplab.inference.network_file import read_metadata, replace_metadata
from deeplab.inference.openvino_engine import OpenvinoEngine, openvino_precisions

pytest.importorskip("openvino", reason="the openvino extra")
pytestmark = pytest.mark.usefixtures("own_cache")

MakeNetwork = Callable[..., Path]


def random_pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(1, 9, 14), (2, 33, 20), (1, 1, 1)])
def test_scores_are_those_of_onnxruntime(network_path: Path, shape: tuple[int, ...]) -> None:
    pictures = random_pictures(*shape)
    scores = OpenvinoEngine(network_path, threads=1).class_scores(pictures)
    wanted = OnnxRuntimeEngine(network_path, threads=1).class_scores(pictures)
    np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-5)  # float32
    assert scores.dtype == np.float32


def test_it_says_what_it_is_and_knows_the_card(network_path: Path) -> None:
    engine = OpenvinoEngine(network_path)
    assert engine.card == OnnxRuntimeEngine(network_path).card
    assert engine.setup == Setup("openvino", "f32")


def test_scores_stay_when_the_next_picture_is_scored(network_path: Path) -> None:
    engine = OpenvinoEngine(network_path, threads=1)
    first = engine.class_scores(random_pictures(1, 8, 8))
    kept = first.copy()
    engine.class_scores(255 - random_pictures(1, 8, 8))
    np.testing.assert_array_equal(first, kept)


def test_many_threads_may_score_at_once(network_path: Path) -> None:
    engine = OpenvinoEngine(network_path, threads=1, workers=2)
    pictures = [random_pictures(1, 8 + number, 30) for number in range(12)]
    alone = [engine.class_scores(one) for one in pictures]
    with ThreadPoolExecutor(4) as pool:
        for one, wanted in zip(pool.map(engine.class_scores, pictures), alone, strict=True):
            np.testing.assert_array_equal(one, wanted)


def test_signals_are_taken_after_engines_went_in_the_order_they_came(network_path: Path) -> None:
    code = """
import signal, sys
from pathlib import Path
from deeplab.inference.openvino_engine import OpenvinoEngine

taken = []
signal.signal(signal.SIGINT, lambda *_: taken.append(1))
engines = [OpenvinoEngine(Path(sys.argv[1])) for _ in range(2)]
del engines[0]
del engines[0]
signal.raise_signal(signal.SIGINT)
print(len(taken))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, network_path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_what_was_compiled_is_kept_by_the_content_of_the_file(make_network: MakeNetwork) -> None:
    path, white = make_network(), np.full((1, 1, 1, 3), 255, np.uint8)
    os.utime(path, (0, 0))
    first = OpenvinoEngine(path, threads=1).class_scores(white)
    make_network(red_weight=20 / 255)  # another network, of the same name, size and time
    os.utime(path, (0, 0))
    second = OpenvinoEngine(path, threads=1).class_scores(white)
    np.testing.assert_allclose((first[0, 1], second[0, 1]), ([[10]], [[20]]), rtol=1e-5)
    assert len(list(compiled_dir().glob("*/*.blob"))) == 2


def test_without_a_place_for_it_nothing_is_kept(network_path: Path, own_cache: Path) -> None:
    own_cache.write_text("a file in the place of the folder")
    assert OpenvinoEngine(network_path).class_scores(random_pictures(1, 4, 4)).shape == (1, 3, 1, 1)


def test_a_precision_that_the_processor_lacks_is_refused(network_path: Path) -> None:
    if "bf16" in openvino_precisions():
        pytest.skip("this processor has bfloat16")
    with pytest.raises(ValueError, match=r"precision bf16: this processor does not have it .*f32"):
        OpenvinoEngine(network_path, precision="bf16")


def test_files_that_are_no_networks_are_refused(tmp_path: Path) -> None:
    photo, checkpoint = tmp_path / "photo.onnx", tmp_path / "best.safetensors"
    for path in (photo, checkpoint):
        path.write_bytes(b"certainly not a network")
    with pytest.raises(ValueError, match=r"photo.onnx: not an ONNX network file"):
        OpenvinoEngine(photo)
    with pytest.raises(ValueError, match="a checkpoint; make a network file of it"):
        OpenvinoEngine(checkpoint)


def test_a_network_of_another_kind_is_refused(make_network: MakeNetwork) -> None:
    with pytest.raises(ValueError, match=r"another kind.*wanted: uint8 'pictures' in"):
        OpenvinoEngine(make_network(output_name="logits"))


def test_scores_that_are_not_finite_are_an_error(make_network: MakeNetwork) -> None:
    engine = OpenvinoEngine(make_network(red_weight=float("nan")))
    with pytest.raises(ValueError, match="'colours' gave class scores that are not finite"):
        engine.class_scores(random_pictures(1, 4, 4))


def test_pictures_of_the_wrong_kind_name_the_network(network_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'colours' failed on 1 picture\(s\) of 6x5 pixels"):
        OpenvinoEngine(network_path).class_scores(np.zeros((1, 5, 6, 4), np.uint8))


def test_a_graph_of_8_bits_scores_alike_in_both(network_path: Path, tmp_path: Path) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization", reason="needs the export extra")
    pictures = random_pictures(1, 32, 32)
    path = tmp_path / "quantised.onnx"
    quantization.quantize_static(network_path, path, _Once(pictures))
    assert path.read_bytes().count(b"QuantizeLinear") > 0
    path.write_bytes(replace_metadata(path, read_metadata(network_path)))
    exact = OnnxRuntimeEngine(network_path, threads=1).class_scores(pictures)
    for engine in (OnnxRuntimeEngine(path, threads=1), OpenvinoEngine(path, threads=1)):
        difference = np.abs(engine.class_scores(pictures) - exact).max()
        assert 1e-4 < difference < 0.1  # 10 / 255 is a step of 8 bits


class _Once:
    """Gives pictures to calibrate on, once."""

    def __init__(self, pictures: np.ndarray) -> None:
        self._rest = [{"pictures": pictures}]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self._rest.pop() if self._rest else None
