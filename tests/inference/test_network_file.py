from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deeplab.inference import OnnxRuntimeEngine
from deeplab.inference.network_file import read_card, read_metadata, replace_metadata

onnx = pytest.importorskip("onnx", reason="what these files are compared with (extra export)")


def test_metadata_are_those_that_the_onnx_package_reads(network_path: Path) -> None:
    wanted = {one.key: one.value for one in onnx.load(network_path).metadata_props}
    assert read_metadata(network_path) == wanted


def test_the_card_is_that_which_the_runtime_reads(network_path: Path) -> None:
    assert read_card(network_path) == OnnxRuntimeEngine(network_path).card


def test_replaced_metadata_leave_the_rest_of_the_file_alone(network_path: Path) -> None:
    long_text = "ä" * 300  # its length takes more than one byte
    content = replace_metadata(network_path, {"recipe": long_text, "new": ""})
    before, after = onnx.load(network_path), onnx.load_from_string(content)
    found = {one.key: one.value for one in after.metadata_props}
    assert found == read_metadata(network_path) | {"recipe": long_text, "new": ""}
    for model in (before, after):
        del model.metadata_props[:]
    assert after == before


def test_replacing_twice_is_replacing_once(network_path: Path, tmp_path: Path) -> None:
    twice = tmp_path / "twice.onnx"
    content = replace_metadata(network_path, {"recipe": "another"})
    twice.write_bytes(content)
    assert replace_metadata(twice, {"recipe": "another"}) == content


def test_a_file_that_ends_too_early_is_refused_wherever_it_ends(network_path: Path) -> None:
    content = network_path.read_bytes()
    graph = onnx.load(network_path).graph.ByteSize()
    for length in np.linspace(5, graph, 9, dtype=int):  # within the graph, the largest field
        network_path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"not an ONNX network file, or a damaged one \("):
            read_metadata(network_path)


def test_a_text_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "read.me"
    path.write_text("# deeplab\n\nSemantic segmentation of photos\n")
    with pytest.raises(ValueError, match=r"read\.me: not an ONNX network file"):
        read_metadata(path)


def test_a_file_without_a_card_is_refused_by_name(make_network: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match=r"colours.onnx: the network's metadata lacks name"):
        read_card(make_network(metadata={}))
