import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from deeplab import imaging
from deeplab.export import export_network, read_check_pictures
from deeplab.inference import Segmenter
from deeplab.models import initialise, load_checkpoint
from deeplab.recipes import Recipe
from deeplab.runs import evaluation
from deeplab.runs import training as runs

TINY = (
    "model.backbone=test_efficientnet",
    "model.head={kind: aspp, rates: [1, 2]}",
    "train.freeze=[]",
)


QUICK = (
    *TINY,
    "model.init=random",
    "data.augment.crop_size_px=33",
    "train.iterations=2",
    "train.batch_size=2",
    "train.num_workers=0",
    "train.accelerator=cpu",
    "train.log_every=1",
)


def write_set(folder: Path, *, classes: list[str], num_bands: int = 3, more: str = "") -> Path:
    """Write a data set of two splits, two pictures each, and give its `data.yaml`."""
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (folder / kind / split).mkdir(parents=True)
        for name in ("a", "b"):
            values = random.integers(0, 256, (40, 44, num_bands), dtype=np.uint8)
            labels = random.integers(0, len(classes), (40, 44), dtype=np.uint16)
            path = folder / "images" / split / name
            if num_bands == 3:
                Image.fromarray(values).save(path.with_suffix(".png"))
            else:
                np.save(path.with_suffix(".npy"), values)
            if "values: [0, 255]" in more:
                labels *= 255
            wide = labels if len(classes) > 255 else labels.astype(np.uint8)
            Image.fromarray(wide).save(folder / "masks" / split / f"{name}.png")
    lines = [f"classes: [{', '.join(classes)}]", more, "splits:"]
    lines += [f"  {one}: {{images: images/{one}, masks: masks/{one}}}" for one in ("train", "val")]
    (folder / "data.yaml").write_text("\n".join(lines) + "\n")
    return folder / "data.yaml"


def shrunk(name: str, *more: str) -> Recipe:
    """A recipe as it is, but on the fake VOC, from random weights, with two steps on two crops."""
    return runs.find_recipe(
        name,
        (
            "model.init=random",
            "model.num_classes=21",
            "data.train=[{root: VOCdevkit/VOC2012, split: train}]",
            "data.holdout_every=0",
            "data.validation={root: VOCdevkit/VOC2012, split: val}",
            "data.augment.crop_size_px=33",
            "train.iterations=2",
            "train.batch_size=2",
            "train.num_workers=0",
            "train.accelerator=cpu",
            "train.log_every=1",
            *more,
        ),
    )


@pytest.mark.parametrize("name", ["voc12-lite", "finetune"])
def test_every_light_recipe_builds_and_trains_two_steps(name, fake_voc, tmp_path):
    recipe = shrunk(name)
    best = runs.train(recipe, data_dir=fake_voc, run_dir=tmp_path)
    assert best == tmp_path / "best.safetensors"
    torch.manual_seed(recipe.train.seed)
    before, after = initialise(recipe.model).state_dict(), load_file(tmp_path / "last.safetensors")
    assert before.keys() == after.keys()
    changed = [key for key in before if not torch.equal(before[key], after[key])]
    assert any(key.startswith("backbone.") for key in changed)
    assert any(key.startswith("head.") for key in changed)


def test_another_recipe_in_the_same_folder_is_refused_and_the_difference_is_named(
    fake_voc, tmp_path
):
    runs.train(shrunk("voc12-lite", *TINY), data_dir=fake_voc, run_dir=tmp_path)
    other = shrunk("voc12-lite", *TINY, "train.base_lr=0.5", "train.seed=3")
    with pytest.raises(ValueError, match=r"2 settings differ, such as train\.base_lr .*0\.5 now"):
        runs.train(other, data_dir=fake_voc, run_dir=tmp_path)


def test_the_same_settings_in_other_words_are_the_same_recipe(fake_voc, tmp_path):
    recipe = shrunk("voc12-lite", *TINY)
    (tmp_path / "recipe.yaml").write_text(
        "# by hand\n" + recipe.to_yaml().replace("0.0003", "3e-4")
    )
    assert "3e-4" in (tmp_path / "recipe.yaml").read_text()
    runs.train(recipe, data_dir=fake_voc, run_dir=tmp_path)
    assert (tmp_path / "recipe.yaml").read_text() == recipe.to_yaml()


def test_absolute_data_folders_stand_alone(fake_voc, tmp_path):
    root = fake_voc / "VOCdevkit" / "VOC2012"
    recipe = shrunk(
        "voc12-lite",
        *TINY,
        f"data.train.0.root={root}",
        "data.validation=null",
    )
    best = runs.train(recipe, data_dir=tmp_path / "nowhere", run_dir=tmp_path)
    assert best == tmp_path / "last.safetensors"


def test_a_data_folder_that_is_not_there_is_named_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"data folder .*nowhere/VOCdevkit/VOC2012 does not exist"):
        runs.train(shrunk("voc12-lite"), data_dir=Path("nowhere"), run_dir=tmp_path)


def test_a_recipe_is_found_by_name_and_by_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(runs.find_recipe("voc12-lite", ["train.seed=5"]).to_yaml())
    assert runs.find_recipe(str(path)).train.seed == 5
    assert runs.find_recipe("voc12-lite").train.seed == 0


def test_a_mistyped_recipe_names_the_nearest():
    with pytest.raises(ValueError, match=r"'voc12-light': .*did you mean 'voc12-lite'\?"):
        runs.find_recipe("voc12-light")


def test_the_number_of_classes_is_looked_up_and_kept(tmp_path):
    data = write_set(tmp_path / "set", classes=["ground", "road", "tree"])
    run_dir = tmp_path / "run"
    recipe = runs.find_recipe("finetune", QUICK)
    assert recipe.model.num_classes == "auto"
    best = runs.train(recipe, data_dir=data, run_dir=run_dir)
    assert load_checkpoint(best).config.num_classes == 3
    assert runs.find_recipe(str(run_dir / "recipe.yaml")).model.num_classes == 3
    assert runs.train(recipe, data_dir=data.parent, run_dir=run_dir) == best  # goes on: all is done


def test_a_single_class_is_refused_before_anything_is_written(tmp_path):
    data = write_set(tmp_path / "set", classes=["crack"])
    with pytest.raises(ValueError, match=r"one class \(crack\).*`background`"):
        runs.train(runs.find_recipe("finetune", QUICK), data_dir=data, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_binary_task_with_masks_of_0_and_255_is_learnt_scored_and_segmented(tmp_path):
    data = write_set(tmp_path / "set", classes=["background", "crack"], more="values: [0, 255]")
    recipe = runs.find_recipe("finetune", QUICK)
    best = runs.train(recipe, data_dir=data, run_dir=tmp_path / "run")
    scores = evaluation.evaluate(best, data, "val").scores
    assert scores.class_names == ("background", "crack")
    truth = imaging.read_label_map(tmp_path / "set" / "masks" / "val" / "a.png")
    assert set(np.unique(truth)) == {0, 255}
    assert np.sum(scores.confusion) == 2 * truth.size  # nothing of it is void
    picture = tmp_path / "set" / "images" / "val" / "a.png"
    labels = segment_as_a_file(best, [picture], tmp_path / "binary.onnx")(picture).labels
    assert set(np.unique(labels)) <= {0, 1}


def segment_as_a_file(best: Path, pictures: list[Path], network_path: Path) -> Segmenter:
    """Export a checkpoint, checked on its own pictures."""
    trained = load_checkpoint(best)
    num_bands = trained.card.num_bands
    checked = read_check_pictures(pictures[0].parent, num_bands=num_bands)
    export_network(trained.network, trained.card, network_path, pictures=checked)
    return Segmenter.load(network_path, threads=1)


def test_300_classes_are_learnt_scored_exported_and_segmented(tmp_path):
    data = write_set(tmp_path / "set", classes=[f"class{number}" for number in range(300)])
    recipe = runs.find_recipe("finetune", (*QUICK, "train.class_weights=auto"))
    best = runs.train(recipe, data_dir=data, run_dir=tmp_path / "run")
    scores = evaluation.evaluate(best, data, "val").scores
    assert np.sum(scores.confusion) == 2 * 40 * 44
    picture = tmp_path / "set" / "images" / "val" / "a.png"
    segmenter = segment_as_a_file(best, [picture], tmp_path / "wide.onnx")
    result = segmenter(picture)
    assert result.labels.dtype == np.uint16
    paths = result.save(tmp_path / "out" / "a", outputs=("mask", "overlay", "cutout"))
    assert np.array_equal(imaging.read_label_map(paths["mask"]), result.labels)
    by_file = evaluation.evaluate(tmp_path / "wide.onnx", data, "val").scores
    assert by_file.pixel_accuracy == pytest.approx(scores.pixel_accuracy, abs=0.01)


@pytest.mark.parametrize("num_bands", [1, 4])
def test_pictures_of_other_bands_are_learnt_scored_exported_and_segmented(tmp_path, num_bands):
    data = write_set(tmp_path / "set", classes=["ground", "road"], num_bands=num_bands)
    settings = (*QUICK, f"model.in_channels={num_bands}")
    recipe = runs.find_recipe("finetune", settings)
    best = runs.train(recipe, data_dir=data, run_dir=tmp_path / "run")
    trained = load_checkpoint(best)
    assert trained.card.num_bands == num_bands
    assert trained.config.mean is not None
    values = [np.load(path) for path in sorted(data.parent.glob("images/train/*.npy"))]
    np.testing.assert_allclose(
        trained.config.mean, np.concatenate(values).mean(axis=(0, 1)), atol=1e-3
    )
    scores = evaluation.evaluate(best, data, "val").scores
    picture = data.parent / "images" / "val" / "a.npy"
    segmenter = segment_as_a_file(best, [picture], tmp_path / "bands.onnx")
    result = segmenter(picture)
    assert np.asarray(result.overlay()).shape == (40, 44, 3)
    assert np.array_equal(segmenter(np.load(picture)).labels, result.labels)
    by_file = evaluation.evaluate(tmp_path / "bands.onnx", data, "val").scores
    assert by_file.pixel_accuracy == pytest.approx(scores.pixel_accuracy, abs=0.01)


def test_a_run_that_goes_on_keeps_the_mean_it_began_with(tmp_path):
    data = write_set(tmp_path / "set", classes=["ground", "road"], num_bands=2)
    recipe = runs.find_recipe("finetune", (*QUICK, "model.in_channels=2"))
    runs.train(recipe, data_dir=data, run_dir=tmp_path / "run")
    before = (tmp_path / "run" / "recipe.yaml").read_text()
    np.save(data.parent / "images" / "train" / "a.npy", np.zeros((40, 44, 2), np.uint8))
    runs.train(recipe, data_dir=data, run_dir=tmp_path / "run")
    assert (tmp_path / "run" / "recipe.yaml").read_text() == before


def test_means_of_the_description_are_taken(tmp_path):
    more = "mean: [1, 2]\nstd: [3, 4]"
    data = write_set(tmp_path / "set", classes=["ground", "road"], num_bands=2, more=more)
    recipe = runs.find_recipe("finetune", (*QUICK, "model.in_channels=2"))
    best = runs.train(recipe, data_dir=data, run_dir=tmp_path / "run")
    assert load_checkpoint(best).config.std == (3, 4)


def test_faults_of_the_data_are_told_before_training(tmp_path):
    data = write_set(tmp_path, classes=["no", "yes"])
    for path in (tmp_path / "masks" / "train").iterdir():
        labels = np.asarray(Image.open(path))
        Image.fromarray(labels * 200).save(path)
    recipe = runs.find_recipe("finetune", QUICK)
    with pytest.raises(ValueError, match=r"(?s)no class: 200.*deeplab data check"):
        runs.train(recipe, data_dir=data, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_warnings_about_the_data_are_logged(tmp_path, caplog):
    data = write_set(tmp_path, classes=["no", "yes"])
    shutil.copy(tmp_path / "masks" / "train" / "a.png", tmp_path / "masks" / "train" / "lone.png")
    recipe = runs.find_recipe("finetune", QUICK)
    runs.train(recipe, data_dir=data, run_dir=tmp_path / "run")
    assert "label maps without a picture (1 picture): train/lone" in caplog.text
