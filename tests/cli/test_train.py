import subprocess
import sys
from pathlib import Path

from PIL import Image

SETTINGS = (
    "model={backbone: test_efficientnet, head: {kind: aspp, rates: [1, 2]}, init: random}",
    "data.train=[{root: VOCdevkit/VOC2012, split: train}]",
    "data.holdout_every=0",
    "data.augment.crop_size_px=33",
    "train.freeze=[]",
    "train.iterations=2",
    "train.batch_size=2",
    "train.num_workers=0",
    "train.log_every=1",
)


def deeplab_train(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from deeplab.cli.main import main; main()", "train"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, cwd=folder
    )


def test_training_tells_how_it_goes_and_where_the_best_weights_are(fake_voc, tmp_path):
    changes = [part for setting in SETTINGS for part in ("--set", setting)]
    done = deeplab_train(tmp_path, "voc12-lite", "--data", fake_voc, *changes)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done: runs/voc12-lite/last.safetensors\n"
    assert "voc12-lite: starting" in done.stderr
    assert "backbone: test_efficientnet" in done.stderr
    assert "step 2/2  loss" in done.stderr
    assert (tmp_path / "runs" / "voc12-lite" / "last.safetensors").is_file()


def test_a_mistake_ends_with_one_line_and_exit_code_2(tmp_path):
    done = deeplab_train(tmp_path, "voc12-lite", "--data", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: data folder nowhere/VOCdevkit/VOC2012 does not exist\n"
    assert list(tmp_path.iterdir()) == []


def test_without_a_recipe_own_data_are_learnt_as_their_description_says(tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (40, 40), "red").save(tmp_path / "images" / f"{name}.png")
        Image.new("L", (40, 40), 1).save(tmp_path / "masks" / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text(f"{name}\n")
    text = "classes: [ground, thing]\nsplits:\n"
    for split, name in (("train", "a"), ("val", "b")):
        text += f"  {split}: {{images: images, masks: masks, list: {name}.txt}}\n"
    (tmp_path / "data.yaml").write_text(text)
    changes = ("model.backbone=test_efficientnet", "model.init=random", *SETTINGS[3:])
    changes = [part for setting in changes for part in ("--set", setting)]
    done = deeplab_train(tmp_path, "--data", tmp_path / "data.yaml", *changes)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done: runs/finetune/best.safetensors\n"
    assert "num_classes: 2\n" in (tmp_path / "runs" / "finetune" / "recipe.yaml").read_text()


def test_a_check_tells_what_would_be_trained_and_trains_nothing(fake_voc, tmp_path):
    changes = [part for setting in SETTINGS for part in ("--set", setting)]
    done = deeplab_train(tmp_path, "voc12-lite", "--data", fake_voc, *changes, "--check")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "voc12-lite: can start (nothing was trained)\n"
    assert "data: VOC2012/train, 8 pictures, 21 classes" in done.stderr
    assert "WARNING VOC2012/train has 8 pictures, 1464 as published" in done.stderr
    assert "steps: 2 of 2 crops" in done.stderr
    assert list(tmp_path.iterdir()) == []
