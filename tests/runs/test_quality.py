from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.inference import PLAIN, OnnxRuntimeEngine, Setup, read_card
from deeplab.runs.quality import Quality, measure_quality, store_records

BF16, BF16_TORCH = Setup("openvino", "bf16"), Setup("torch", "bf16")
EXACT = Quality(0.5, 1.0, 9, "colours val")
NEAR = Quality(0.499, 0.99, 9, "colours val")
FAR = Quality(0.498, 0.98, 9, "colours val")


@pytest.fixture
def colour_data(tmp_path: Path) -> Path:
    """Black, red (cat) and green (person) pictures, of which the last has a wrong label map."""
    root = tmp_path / "colours"
    for folder in ("images/val", "masks/val"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("background\ncat\nperson\n")
    for number, colour in enumerate([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 255, 0)]):
        Image.new("RGB", (12, 8), colour).save(root / "images" / "val" / f"{number}.png")
        labels = np.full((8, 12), number % 3, np.uint8)
        Image.fromarray(labels).save(root / "masks" / "val" / f"{number}.png")
    return root


def test_quality_is_the_mean_iou_of_evaluate(network_path: Path, colour_data: Path) -> None:
    from deeplab.runs.evaluation import evaluate

    qualities = measure_quality(network_path, [PLAIN], colour_data, "val")
    wanted = evaluate(network_path, colour_data, "val").scores.mean_iou
    assert qualities == {PLAIN: Quality(wanted, 1.0, 4, "colours val")}
    assert wanted == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)


def test_engines_are_compared_with_the_first(
    network_path: Path, colour_data: Path, own_cache: Path
) -> None:
    pytest.importorskip("openvino", reason="the openvino extra")
    openvino = Setup("openvino")
    qualities = measure_quality(network_path, [PLAIN, openvino], colour_data, "val", limit=2)
    assert qualities[openvino] == qualities[PLAIN]  # colours are far from a tie
    assert qualities[PLAIN].num_pictures == 2


def test_other_classes_are_refused(network_path: Path, fake_voc: Path) -> None:
    root = fake_voc / "VOCdevkit" / "VOC2012"
    with pytest.raises(ValueError, match="scores other classes than"):
        measure_quality(network_path, [PLAIN], root, "val")


def test_records_are_stored_and_the_network_stays_the_same(
    network_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "stored.onnx"
    records = store_records(network_path, {PLAIN: EXACT, BF16: NEAR}, out)
    assert read_card(out) == replace(read_card(network_path), precisions=records)
    record = records["bf16"]
    assert (record.miou_change, record.same_labels) == (pytest.approx(-0.001), 0.99)
    assert (record.data, record.num_pictures) == ("colours val", 9)
    assert record.engine.startswith("openvino, ")
    picture = np.random.default_rng(0).integers(0, 256, (1, 9, 9, 3), dtype=np.uint8)
    before, after = (OnnxRuntimeEngine(path).class_scores(picture) for path in (network_path, out))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("order", [(BF16, BF16_TORCH), (BF16_TORCH, BF16)])
def test_of_two_engines_the_more_harmful_is_remembered(
    order: tuple[Setup, Setup], network_path: Path
) -> None:
    measured = {BF16: NEAR, BF16_TORCH: FAR}
    qualities = {PLAIN: EXACT} | {setup: measured[setup] for setup in order}
    assert store_records(network_path, qualities, network_path)["bf16"].same_labels == 0.98


def test_float32_alone_leaves_nothing_to_store(network_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to store"):
        store_records(network_path, {PLAIN: EXACT, Setup("openvino"): EXACT}, network_path)


def test_checkpoints_store_no_records(tmp_path: Path) -> None:
    measured = {PLAIN: EXACT, BF16: NEAR}
    for source, target in (("a.safetensors", "b.onnx"), ("a.onnx", "b.safetensors")):
        with pytest.raises(ValueError, match="stored in network files"):
            store_records(tmp_path / source, measured, tmp_path / target)


def test_fewer_bits_are_compared_with_float32_alone(network_path: Path) -> None:
    with pytest.raises(ValueError, match="openvino bf16 is no float32"):
        store_records(network_path, {BF16: NEAR, BF16_TORCH: FAR}, network_path)
