import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from deeplab.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    network_path: Path,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run `deeplab benchmark` with the colour network in onnxruntime, one small size, once."""

    def run(*arguments: object) -> tuple[int, str, str]:
        small = ("--engines", "onnxruntime", "--sizes", "12x8", "--rounds", "1")
        words = ["deeplab", "benchmark", network_path, *small, *arguments]
        monkeypatch.setattr(sys, "argv", [str(word) for word in words])
        with pytest.raises(SystemExit) as exit_info:
            main()
        return int(exit_info.value.code or 0), *capsys.readouterr()

    return run


def test_a_row_for_every_way_and_what_auto_takes(run: Run) -> None:
    code, out, _ = run("--threads", "1,2")
    assert code == 0
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in out.splitlines()
        if "onnxruntime f32 │" in line
    ]
    assert [row[:3] for row in rows] == [
        ["onnxruntime f32", "12x8", "1"],
        ["onnxruntime f32", "12x8", "2"],
    ]
    assert [row[4] for row in rows] == ["1.00", "1.00"]
    assert "auto takes for many pictures, 2 threads: onnxruntime f32 (" in out


def test_json_says_all_of_it(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "new" / "benchmark.json"
    assert run("--json", path, "--threads", "1")[0] == 0
    values = json.loads(path.read_text())
    (timing,) = values["timings"]
    assert (timing["engine"], timing["height"], timing["width"]) == ("onnxruntime", 8, 12)
    assert timing["seconds"] == [timing["median_s"]]
    assert values["auto"] == [
        {
            "threads": 1,
            "at_once": 1,
            "one_picture": "onnxruntime f32",
            "many_pictures": "onnxruntime f32",
        }
    ]


def test_a_plot_is_a_picture(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plots extra")
    path = tmp_path / "benchmark.png"
    assert run("--plot", path)[0] == 0
    with Image.open(path) as image:
        assert min(image.size) > 100


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--engines", "caffe"), "--engines caffe: give some of onnxruntime,openvino,torch"),
        (("--precisions", "f64"), "--precisions f64: give some of f32,bf16"),
        (("--sizes", "500"), "--sizes 500: give WIDTHxHEIGHT, such as 500x375"),
        (("--threads", "two"), "--threads two: give numbers from 1 on"),
        (("--split", "val"), "--data and --split go together"),
        (("--store", "out.onnx"), "--limit, --store and --emulate need them"),
        (("--plot", "benchmark.doc"), r"benchmark.doc: give a name that ends in .png"),
    ],
)
def test_wrong_options_are_one_line(words: tuple[str, ...], message: str, run: Run) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err


def test_with_data_the_mean_iou_is_told_too(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "colours"
    for folder in ("images/val", "masks/val"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("background\ncat\nperson\n")
    for label, colour in enumerate([(0, 0, 0), (255, 0, 0), (0, 255, 0)]):
        Image.new("RGB", (12, 8), colour).save(root / "images" / "val" / f"{label}.png")
        Image.new("L", (12, 8), label).save(root / "masks" / "val" / f"{label}.png")
    code, out, _ = run("--data", root, "--split", "val", "--threads", "1")
    assert code == 0
    assert "3 pictures of colours val" in out
    (row,) = (line for line in out.splitlines() if line.startswith("│ onnxruntime f32 │ 100.00 %"))
    assert [cell.strip() for cell in row.split("│")[2:-1]] == ["100.00 %", "100.00 %"]


def test_what_cannot_be_measured_or_stored_is_told_before_anything_is_timed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **settings: object) -> None:
        raise AssertionError("timed")

    monkeypatch.setattr("deeplab.runs.benchmark.benchmark", fail)
    code, _, err = run("--data", tmp_path / "nowhere", "--split", "val")
    assert code == 2
    assert "nowhere" in err
    code, _, err = run("--data", tmp_path, "--split", "val", "--store", tmp_path / "stored.pt")
    assert code == 2
    assert "from .onnx to .onnx" in err
