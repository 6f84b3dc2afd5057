import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deeplab.inference import OnnxRuntimeEngine
from deeplab.network_card import NetworkCard

MakeNetwork = Callable[..., Path]


def test_scores_are_those_of_the_graph(network_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 9, 14, 3), dtype=np.uint8)
    scores = OnnxRuntimeEngine(network_path, threads=1).class_scores(pictures)
    points = pictures[:, ::4, ::4].astype(np.float32)
    assert scores.shape == (2, 3, 3, 4)
    assert scores.dtype == np.float32
    assert (scores[:, 0] == 5).all()
    np.testing.assert_allclose(scores[:, 1], points[..., 0] * 10 / 255, rtol=1e-5)  # float32
    np.testing.assert_allclose(scores[:, 2], points[..., 1] * 10 / 255, rtol=1e-5)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cores are given to it on Linux")
@pytest.mark.skipif(os.cpu_count() == 1, reason="there is no other core to take")
def test_it_stays_on_the_cores_that_the_process_was_given(network_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
given = {min(os.sched_getaffinity(0))}
os.sched_setaffinity(0, given)
from deeplab.inference import OnnxRuntimeEngine
engine = OnnxRuntimeEngine(Path(sys.argv[1]))
taken = {core for task in os.listdir("/proc/self/task") for core in os.sched_getaffinity(int(task))}
print(taken == given)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, network_path], capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\n", done.stderr


def test_the_card_comes_out_of_the_file(make_network: MakeNetwork) -> None:
    engine = OnnxRuntimeEngine(make_network(output_stride=8, longest_side=99))
    assert isinstance(engine.card, NetworkCard)
    assert engine.card.class_names == ("background", "cat", "person")
    assert (engine.card.output_stride, engine.card.longest_side) == (8, 99)


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.onnx"
    path.write_bytes(b"certainly not a network")
    with pytest.raises(ValueError, match=r"photo.onnx: not an ONNX network file, or a damaged"):
        OnnxRuntimeEngine(path)


def test_a_cut_off_onnx_file_is_refused(network_path: Path) -> None:
    content = network_path.read_bytes()
    network_path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="not an ONNX network file, or a damaged one"):
        OnnxRuntimeEngine(network_path)


def test_a_checkpoint_gets_the_advice_to_export_it(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    path.write_bytes(bytes(64))
    with pytest.raises(ValueError, match="a checkpoint; make a network file of it"):
        OnnxRuntimeEngine(path)


def test_a_network_without_metadata_is_refused(make_network: MakeNetwork) -> None:
    with pytest.raises(ValueError, match=r"colours.onnx: the network's metadata lacks name, "):
        OnnxRuntimeEngine(make_network(metadata={}))


def test_a_network_of_another_kind_is_refused(make_network: MakeNetwork) -> None:
    with pytest.raises(ValueError, match=r"another kind.*wanted: uint8 'pictures' in"):
        OnnxRuntimeEngine(make_network(output_name="logits"))


def test_scores_that_are_not_finite_are_an_error(make_network: MakeNetwork) -> None:
    engine = OnnxRuntimeEngine(make_network(red_weight=float("nan")))
    with pytest.raises(ValueError, match="'colours' gave class scores that are not finite"):
        engine.class_scores(np.zeros((1, 4, 4, 3), np.uint8))


def test_pictures_of_the_wrong_kind_name_the_network(network_path: Path) -> None:
    engine = OnnxRuntimeEngine(network_path)
    with pytest.raises(ValueError, match=r"'colours' failed on 1 picture\(s\) of 6x5 pixels"):
        engine.class_scores(np.zeros((1, 5, 6, 4), np.uint8))


def test_no_threads_at_all_are_refused(network_path: Path) -> None:
    with pytest.raises(ValueError, match="threads 0: give 1 or more"):
        OnnxRuntimeEngine(network_path, threads=0)
