import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.cli.main import main
from deeplab.data.cityscapes_files import to_label_ids
from deeplab.evaluation import score_cityscapes_folders
from deeplab.inference import Segmenter
from deeplab.labels import CITYSCAPES
from deeplab.network_card import NetworkCard


@pytest.fixture
def voc_of_colours(tmp_path: Path) -> Path:
    """A red picture (cat, right), a green one (person, but called a cat in its label map)."""
    root = tmp_path / "colours"
    for folder in ("images/val", "masks/val"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("background\ncat\nperson\n")
    for name, colour in (("red", (255, 0, 0)), ("green", (0, 255, 0))):
        Image.new("RGB", (12, 8), colour).save(root / "images" / "val" / f"{name}.png")
        Image.fromarray(np.full((8, 12), 1, np.uint8)).save(root / "masks" / "val" / f"{name}.png")
    return root


@pytest.fixture
def deeplab(monkeypatch, capsys):
    """Run a command in this process; give exit code, standard output and error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["deeplab", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


def test_the_table_shows_class_scores_means_and_what_is_absent(
    deeplab, network_path, voc_of_colours
):
    code, out, _ = deeplab("evaluate", network_path, "--data", voc_of_colours, "--split", "val")
    assert code == 0
    rows = {
        line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:-1]]
        for line in out.splitlines()
        if "│" in line
    }
    assert rows["cat"] == ["50.00", "0.0..100.0", "50.00", "100.00"]
    assert rows["mean"][0] == f"{100 * 0.5 / 3:.2f}"
    assert rows["all pixels"][2] == "50.00"
    assert "IoU 0 by the rules: background" in out


def test_json_and_csv_are_written_with_the_settings(
    deeplab, network_path, voc_of_colours, tmp_path
):
    json_path, csv_path = tmp_path / "new" / "scores.json", tmp_path / "new" / "scores.csv"
    data = ("--data", voc_of_colours, "--split", "val", "--scales", "0.5,1", "--flip")
    code, _, _ = deeplab("evaluate", network_path, *data, "--json", json_path, "--csv", csv_path)
    assert code == 0
    document = json.loads(json_path.read_text())
    assert document["about"] == {
        "weights": str(network_path),
        "data": str(voc_of_colours),
        "split": "val",
        "scales": [0.5, 1.0],
        "flip": True,
        "limit": None,
        "crf": None,
    }
    assert document["class_iou"]["cat"] == 0.5
    rows = list(csv.DictReader(csv_path.read_text().splitlines()))
    assert {"metric": "iou", "class": "cat", "value": "0.5"} in rows


@pytest.fixture
def noisy_data(tmp_path: Path) -> Path:
    """Squares of red on black under noise; the border of each is void."""
    root = tmp_path / "noisy"
    for folder in ("images/val", "masks/val"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("background\ncat\nperson\n")
    random = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        pixels = random.integers(0, 60, (24, 32, 3), dtype=np.uint8)
        pixels[4:20, 8:24, 0] += 140
        pixels[::8, ::8, 0] = 200  # misleads the network, which looks at every 4th pixel alone
        truth = np.zeros((24, 32), np.uint8)
        truth[3:21, 7:25] = 255
        truth[5:19, 9:23] = 1
        Image.fromarray(pixels).save(root / "images" / "val" / f"{name}.png")
        Image.fromarray(truth).save(root / "masks" / "val" / f"{name}.png")
    return root


def test_with_a_crf_the_scores_before_it_are_told_too(deeplab, network_path, noisy_data, tmp_path):
    arguments = ("evaluate", network_path, "--data", noisy_data, "--split", "val")
    plain_path, crf_path = tmp_path / "plain.json", tmp_path / "crf.json"
    deeplab(*arguments, "--json", plain_path)
    code, out, _ = deeplab(*arguments, "--json", crf_path, "--crf", "resnet101")
    assert code == 0
    assert "no CRF" in out
    plain, refined = json.loads(plain_path.read_text()), json.loads(crf_path.read_text())
    assert refined["about"]["crf"] == "resnet101"
    assert refined["about"]["mean_iou_without_crf"] == plain["mean_iou"]
    assert refined["mean_iou"] > plain["mean_iou"]


def test_a_trimap_plot_comes_with_its_numbers_with_and_without_the_crf(
    deeplab, network_path, noisy_data, tmp_path
):
    pytest.importorskip("matplotlib", reason="drawing needs the plots extra")
    arguments = ("evaluate", network_path, "--data", noisy_data, "--split", "val")
    code, _, _ = deeplab(*arguments, "--crf", "resnet101", "--trimap", tmp_path / "t" / "t.png")
    assert code == 0
    with Image.open(tmp_path / "t" / "t.png") as plot:
        assert plot.format == "PNG"
    rows = list(csv.DictReader((tmp_path / "t" / "t.csv").read_text().splitlines()))
    assert list(rows[0])[1::2] == ["mean_iou without CRF", "mean_iou with CRF"]
    assert [row["width_px"] for row in rows] == [str(width) for width in range(1, 41)]
    assert float(rows[9]["mean_iou with CRF"]) > float(rows[9]["mean_iou without CRF"])
    deeplab(*arguments, "--trimap", tmp_path / "plain.csv")
    (first, *_) = csv.DictReader((tmp_path / "plain.csv").read_text().splitlines())
    assert first["mean_iou without CRF"] == rows[0]["mean_iou without CRF"]


def test_one_folder_takes_everything_at_once(deeplab, network_path, noisy_data, tmp_path):
    pytest.importorskip("matplotlib", reason="drawing needs the plots extra")
    data = ("--data", noisy_data, "--split", "val")
    code, out, err = deeplab("evaluate", network_path, *data, "--all", tmp_path / "all")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [
        *("calibration.csv", "calibration.png", "classes.png", "confusion.png", "pictures.csv"),
        *("report.html", "scores.csv", "scores.json", "trimap.csv", "trimap.png"),
    ]
    assert "[3/3] scored" in err
    assert "[3/3] drawn" in err
    rows = list(csv.DictReader((tmp_path / "all" / "pictures.csv").read_text().splitlines()))
    assert [row["picture"] for row in rows] == ["a", "b", "c"]
    document = json.loads((tmp_path / "all" / "scores.json").read_text())
    assert document["aliases"]["mBoundaryIoU"] == document["mean_boundary_iou"]
    assert f"Boundary IoU {100 * document['mean_boundary_iou']:.2f}" in out
    assert f"(ECE) {100 * document['calibration']['expected_error']:.2f}" in out
    page = (tmp_path / "all" / "report.html").read_text()
    assert page.count("<img") == 3 * 4


def test_classes_that_are_nowhere_can_be_left_out_of_the_means(
    deeplab, network_path, voc_of_colours
):
    arguments = ("evaluate", network_path, "--data", voc_of_colours, "--split", "val")
    _, out, _ = deeplab(*arguments, "--absent", "present")
    (mean,) = [line for line in out.splitlines() if line.startswith("│ mean")]
    assert mean.split("│")[2].strip() == "25.00"  # of cat and person, without the background
    assert "do not count in the means: background" in out


@pytest.fixture
def worse_path(make_network, tmp_path) -> Path:
    """A network that sees less red than there is, so that it takes half of the noise for none."""
    path = make_network(red_weight=6 / 255)
    return path.rename(tmp_path / "worse.onnx")


def test_two_networks_are_compared_picture_by_picture(
    deeplab, worse_path, network_path, noisy_data, tmp_path
):
    pytest.importorskip("matplotlib", reason="drawing needs the plots extra")
    data = ("--data", noisy_data, "--split", "val", "--all", tmp_path / "all")
    code, out, err = deeplab("evaluate", worse_path, network_path, *data)
    assert code == 0
    assert err.count("[3/3] scored") == 2
    assert "3 pictures are better: " in out
    assert "0 pictures are worse: none" in out
    assert "Classes that gained most: cat +" in out
    document = json.loads((tmp_path / "all" / "scores.json").read_text())
    assert document["about"]["other"] == str(network_path)
    difference = document["second"]["mean_iou"] - document["first"]["mean_iou"]
    assert document["comparison"]["difference"] == pytest.approx(difference)
    assert difference > 0
    assert document["comparison"]["verdict"] in out
    assert document["comparison"]["verdict"].startswith("colours.onnx ")
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [
        *("calibration.csv", "calibration.png", "pictures.csv", "report.html", "scores.csv"),
        *("scores.json", "trimap.csv", "trimap.png"),
    ]
    page = (tmp_path / "all" / "report.html").read_text()
    assert page.count("<img") == 3 * 6
    rows = list(csv.DictReader((tmp_path / "all" / "trimap.csv").read_text().splitlines()))
    assert "mean_iou colours.onnx" in rows[0]


def test_label_maps_that_were_written_are_evaluated_like_the_network_but_for_confidence(
    deeplab, network_path, noisy_data, tmp_path
):
    pytest.importorskip("matplotlib", reason="drawing needs the plots extra")
    segmenter = Segmenter.load(network_path)
    for name in ("a", "b", "c"):
        result = segmenter(noisy_data / "images" / "val" / f"{name}.png")
        result.save(tmp_path / "masks" / name, outputs=["mask"])
    data = ("--data", noisy_data, "--split", "val")
    code, _, _ = deeplab("evaluate", tmp_path / "masks", *data, "--all", tmp_path / "of_masks")
    assert code == 0
    deeplab("evaluate", network_path, *data, "--json", tmp_path / "scores.json")
    of_masks = json.loads((tmp_path / "of_masks" / "scores.json").read_text())
    assert of_masks["confusion"] == json.loads((tmp_path / "scores.json").read_text())["confusion"]
    assert not (tmp_path / "of_masks" / "calibration.png").exists()
    code, _, err = deeplab("evaluate", tmp_path / "masks", *data, "--calibration", "c.csv")
    assert code == 2
    assert "label maps alone have no confidence" in err


def test_an_evaluation_goes_on_from_the_counts_that_it_kept(
    deeplab, network_path, noisy_data, tmp_path
):
    arguments = ("evaluate", network_path, "--data", noisy_data, "--split", "val")
    kept = ("--keep", tmp_path / "counts.npz")
    _, first, _ = deeplab(*arguments, *kept)
    assert (tmp_path / "counts.npz").is_file()
    code, again, err = deeplab(*arguments, *kept)
    assert code == 0
    assert again == first
    assert "scored" not in err


def test_stored_scores_are_evaluated_like_the_network_they_come_from(
    deeplab, network_path, noisy_data, tmp_path, caplog
):
    segmenter = Segmenter.load(network_path)
    for name in ("a", "c"):
        scores = segmenter.class_scores(noisy_data / "images" / "val" / f"{name}.png")
        np.savez(tmp_path / f"{name}.npz", scores=scores, size=[24, 32])
    data = ("--data", noisy_data, "--split", "val")
    out_path = tmp_path / "scores.json"
    code, _, _ = deeplab("evaluate", tmp_path, *data, "--stride", "4", "--json", out_path)
    assert code == 0
    assert "scores of 2 of 3 pictures" in caplog.text
    stored = json.loads(out_path.read_text())
    deeplab("evaluate", network_path, *data, "--limit", "2", "--json", out_path)  # a and c too
    assert stored["confusion"] == json.loads(out_path.read_text())["confusion"]


def test_progress_is_told_on_standard_error(deeplab, network_path, voc_of_colours):
    _, out, err = deeplab("evaluate", network_path, "--data", voc_of_colours, "--split", "val")
    assert "[2/2] scored" in err
    assert "scored" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--split", "vall"), "no split 'vall'"),
        (("--split", "val", "--scales", "half"), "--scales half: give numbers"),
        (("--split", "val", "--scales", "9"), "scale 9: allowed are"),
        (("--split", "val", "--json", "."), "is a folder"),
        (("--split", "val", "--trimap", "plot.bmp"), "ends in one of .csv, .png"),
        (("--split", "val", "--report", "page.pdf"), "ends in one of .html"),
        (("--split", "val", "--stride", "8"), "stride 8 is of scores in a folder"),
        (("--split", "val", "--window", "a"), "--window a: give pixels"),
        (("--split", "val", "--window", "3"), "window 3,3: give at least the network's stride, 4"),
        (("--split", "val", "--overlap", "0.5"), "overlap 0.5 is of windows"),
        (("--split", "val", "--window", "8", "--overlap", "1"), "overlap 1: give the share"),
        (("--split", "val", "--crf", "resnet"), "CRF 'resnet': did you mean 'resnet101'"),
    ],
)
def test_a_mistake_ends_with_one_line_and_exit_code_2(
    deeplab, network_path, voc_of_colours, arguments, message
):
    code, out, err = deeplab("evaluate", network_path, "--data", voc_of_colours, *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_an_unwritable_place_is_found_before_the_pictures_are_scored(
    deeplab, network_path, voc_of_colours, tmp_path
):
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "scores.json"
    data = ("--data", voc_of_colours, "--split", "val")
    code, _, err = deeplab("evaluate", network_path, *data, "--json", target)
    assert code == 2
    assert "scored" not in err


def test_scores_in_windows_of_what_windows_do_not_change_are_the_same(
    deeplab, network_path, voc_of_colours, tmp_path
):
    data = ("--data", voc_of_colours, "--split", "val")
    plain, windowed = tmp_path / "plain.json", tmp_path / "windowed.json"
    deeplab("evaluate", network_path, *data, "--json", plain)
    window = ("--window", "5,8", "--overlap", "0.5")
    assert deeplab("evaluate", network_path, *data, *window, "--json", windowed)[0] == 0
    plain, windowed = (json.loads(path.read_text()) for path in (plain, windowed))
    about = windowed.pop("about")
    assert (about["window"], about["overlap"]) == ("5,8", 0.5)
    assert plain.pop("about")
    assert windowed == plain


def test_on_cityscapes_its_own_scores_are_given_too(deeplab, tmp_path):
    torch = pytest.importorskip("torch", reason="checkpoints need the train extra")
    from deeplab.inference.torch_engine import TorchEngine
    from deeplab.models import ModelConfig, build, save_checkpoint

    frame = "munster_000000_000019"
    picture = tmp_path / "set" / "leftImg8bit" / "val" / "munster" / f"{frame}_leftImg8bit.png"
    truth = tmp_path / "set" / "gtFine" / "val" / "munster" / f"{frame}_gtFine_labelIds.png"
    for path in (picture, truth):
        path.parent.mkdir(parents=True)
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (40, 64, 3), dtype=np.uint8)).save(picture)
    instances = np.full((40, 64), 7, np.uint16)
    instances[20:, 10:30], instances[:5] = 26001, 3
    Image.fromarray(instances).save(truth.with_name(f"{frame}_gtFine_instanceIds.png"))
    Image.fromarray(np.where(instances > 1000, 26, instances).astype(np.uint8)).save(truth)
    config = ModelConfig(backbone="test_efficientnet", init="random", num_classes=19)
    torch.manual_seed(0)
    weights, names = tmp_path / "street.safetensors", CITYSCAPES.class_names
    card = NetworkCard("street", names, CITYSCAPES.palette, 16, "name: street\n", {})
    save_checkpoint(weights, build(config).state_dict(), config=config, card=card)
    data = ("--data", tmp_path / "set", "--split", "val", "--json", tmp_path / "a.json")
    code, out, err = deeplab("evaluate", weights, *data)
    assert code == 0, err
    assert "mean category" in out
    document = json.loads((tmp_path / "a.json").read_text())
    theirs = document["about"]["cityscapes"]
    assert theirs["class_iou"]["road"] == document["class_iou"]["road"]
    assert theirs["class_iiou"]["car"] is not None
    labels = Segmenter(TorchEngine.from_checkpoint(weights))(picture).labels
    (tmp_path / "results").mkdir()
    Image.fromarray(to_label_ids(labels)).save(tmp_path / "results" / f"{frame}.png")
    in_files = score_cityscapes_folders(tmp_path / "results", tmp_path / "set")
    assert theirs == json.loads(json.dumps(in_files.as_dict()))


def test_a_network_is_not_compared_with_itself_and_only_one_has_a_confusion_matrix(
    deeplab, network_path, worse_path, voc_of_colours
):
    data = ("--data", voc_of_colours, "--split", "val")
    code, _, err = deeplab("evaluate", worse_path, worse_path, *data)
    assert code == 2
    assert "cannot be compared with itself" in err
    code, _, err = deeplab("evaluate", worse_path, network_path, *data, "--confusion", "c.png")
    assert code == 2
    assert "--confusion draws one network" in err
