import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.cli.main import main
from deeplab.crf import Spatial
from deeplab.inference import read_crf

QUICK = ("--weight", "2:2:4", "--xy", "4", "--rgb", "20:20:40")


@pytest.fixture
def tune(tmp_path, monkeypatch, capsys, network_path):
    """Run `deeplab crf tune` with the colour network on noisy squares, in their folder."""
    monkeypatch.chdir(tmp_path)
    for folder in ("images/val", "masks/val"):
        Path(folder).mkdir(parents=True)
    Path("classes.txt").write_text("background\ncat\nperson\n")
    random = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        pixels = random.integers(0, 60, (24, 32, 3), dtype=np.uint8)
        pixels[4:20, 8:24, 0] += 140
        pixels[::8, ::8, 0] = 200  # misleads the network, which looks at every 4th pixel alone
        truth = np.zeros((24, 32), np.uint8)
        truth[4:20, 8:24] = 1
        Image.fromarray(pixels).save(f"images/val/{name}.png")
        Image.fromarray(truth).save(f"masks/val/{name}.png")

    def run(*arguments, scored_by=("--weights", network_path)):
        words = ("crf", "tune", "--data", ".", "--split", "val", *scored_by, *arguments)
        monkeypatch.setattr(sys, "argv", ["deeplab", *map(str, words)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


def trials(folder="crf-tuned"):
    return list(csv.DictReader(Path(folder, "trials.csv").read_text().splitlines()))


def test_the_best_parameters_are_written_and_the_best_trials_told(tune):
    code, out, err = tune(*QUICK)
    assert code == 0
    best = max(trials(), key=lambda row: float(row["mean_iou"]))
    crf = read_crf(Path("crf-tuned/best.yaml"))
    assert (crf.bilateral.weight, crf.bilateral.xy, crf.bilateral.rgb) == tuple(
        float(best[key]) for key in ("weight", "xy", "rgb")
    )
    assert crf.spatial == Spatial(3, 3)
    assert Path("crf-tuned/best.yaml").read_text().startswith("# Tuned by `deeplab crf tune` for")
    assert f"{100 * float(best['mean_iou']):.2f}" in out
    assert "crf-tuned/best.yaml" in out
    assert "3 pictures scored" in err


def test_the_heat_map_is_drawn(tune):
    pytest.importorskip("matplotlib", reason="drawing needs the plots extra")
    _, out, _ = tune(*QUICK)
    assert out.splitlines()[-1] == "crf-tuned/heatmap.png"
    with Image.open("crf-tuned/heatmap.png") as plot:
        assert plot.format == "PNG"


def test_the_same_command_goes_on_where_it_stopped(tune):
    tune(*QUICK)
    table = Path("crf-tuned/trials.csv")
    whole = table.read_text()
    table.write_text("".join(whole.splitlines(keepends=True)[:4]))
    code, _, err = tune(*QUICK)
    assert code == 0
    assert sorted(table.read_text().splitlines()) == sorted(whole.splitlines())
    assert "[1/" not in err


def test_stored_scores_can_be_tuned_for(tune, network_path):
    from deeplab.inference import Segmenter

    Path("scores").mkdir()
    segmenter = Segmenter.load(network_path)
    for name in ("a", "b", "c"):
        scores = segmenter.class_scores(Path("images/val", f"{name}.png"))
        np.savez(Path("scores", f"{name}.npz"), scores=scores)
    tune(*QUICK, "--out", "of-network")
    scored_by = ("--scores", "scores", "--stride", "4")
    code, _, _ = tune(*QUICK, "--out", "of-scores", scored_by=scored_by)
    assert code == 0
    assert trials("of-scores") == trials("of-network")


def test_the_spatial_kernel_can_be_chosen_or_left_out(tune):
    tune(*QUICK, "--spatial-weight", "2", "--spatial-xy", "1", "--out", "one")
    tune(*QUICK, "--spatial-weight", "0", "--out", "none")
    assert read_crf(Path("one/best.yaml")).spatial == Spatial(2, 1)
    assert read_crf(Path("none/best.yaml")).spatial == ()


def test_points_can_be_drawn(tune):
    pytest.importorskip("optuna", reason="drawing points needs the tune extra")
    code, _, _ = tune(*QUICK, "--search", "random", "--trials", "3", "--limit", "2")
    assert code == 0
    assert [row["stage"] for row in trials()] == ["random"] * 3


def test_a_crf_that_does_not_help_is_warned_of(tune):
    # Labels that are what the network says leave nothing to gain.
    from deeplab.inference import Segmenter

    for name in ("a", "b", "c"):
        picture = Path("images/val", f"{name}.png")
        labels = Segmenter.load("colours.onnx")(picture).labels
        Image.fromarray(labels).save(Path("masks/val", f"{name}.png"))
    code, _, err = tune(*QUICK)
    assert code == 0
    assert "warning: the CRF does not help" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--search", "gird"), "--search gird: give grid, random or tpe"),
        (("--xy", "100:10:30"), "--xy 100:10:30: give FROM:STEP:TO"),
        (("--scores", "."), "give --weights or --scores, not both"),
        (("--rgb", "0:1:3"), "range of rgb"),
    ],
)
def test_a_mistake_ends_with_one_line_and_exit_code_2(tune, arguments, message):
    code, out, err = tune(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert not Path("crf-tuned").exists()


def test_another_search_in_the_same_folder_is_refused(tune):
    tune(*QUICK)
    code, _, err = tune(*QUICK, "--limit", "2")
    assert code == 2
    assert "crf-tuned holds another search: pictures is" in err
