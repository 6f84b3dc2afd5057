import csv
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from deeplab.data.augment import AugmentConfig
from deeplab.data.stream import CropStream, DataConfig, SourceConfig, open_data
from deeplab.models import ASPPConfig, ModelConfig, initialise, load_checkpoint
from deeplab.training import Progress, Run, TrainConfig, train

TRAIN = """
import os, signal, sys
from pathlib import Path
from deeplab.data.stream import DataConfig
from deeplab.models import ModelConfig
from deeplab.training import Run, TrainConfig, train

model, data, config, run_dir, last_step = sys.argv[1:]

def kill(progress):
    if progress.step == int(last_step):
        os.kill(os.getpid(), signal.SIGKILL)

train(
    Run(
        "small",
        ModelConfig.model_validate_json(model),
        DataConfig.model_validate_json(data),
        TrainConfig.model_validate_json(config),
        "name: small\\n",
        Path(run_dir),
    ),
    watch=kill,
)
"""


def train_in_child(run: Run, *, kill_at_step: int = -1) -> subprocess.CompletedProcess[str]:
    """Train in another process, which is killed when it tells of a step."""
    script = run.run_dir.with_suffix(".py")
    script.write_text(TRAIN)
    settings = [config.model_dump_json() for config in (run.model, run.data, run.train)]
    return subprocess.run(
        [sys.executable, script, *settings, run.run_dir, str(kill_at_step)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )


def small_run(voc: Path, run_dir: Path, augment: AugmentConfig, **settings: object) -> Run:
    """A run of the smallest network on the fake VOC, scored on its first picture and fifth."""
    source = SourceConfig(root=voc / "VOCdevkit" / "VOC2012", split="train")
    return Run(
        name="small",
        model=ModelConfig(
            backbone="test_efficientnet", init="random", head=ASPPConfig(rates=(1, 2), dropout=0.1)
        ),
        data=DataConfig(train=(source,), holdout_every=4, balance=0.5, augment=augment),
        train=TrainConfig(
            **{
                "batch_size": 2,
                "accumulate": 1,
                "num_workers": 0,
                "optimiser": "adamw",
                "base_lr": 1e-3,
                "batch_norm": "slow",
                "accelerator": "cpu",
                "log_every": 2,
            }
            | settings
        ),
        recipe_yaml="name: small\n",
        run_dir=run_dir,
    )


@pytest.fixture
def make_run(fake_voc, tmp_path):
    """A run in which all that can be random is."""
    augment = AugmentConfig(crop_size_px=33, scales=(0.8, 1.0), colour_jitter=0.2, paste=0.5)
    settings = {"iterations": 8, "checkpoint_every": 3, "validate_every": 4, "average_decay": 0.5}
    return lambda name="run", **more: small_run(
        fake_voc, tmp_path / name, augment, **(settings | more)
    )


def without_dropout(run: Run) -> Run:
    return replace(run, model=run.model.model_copy(update={"head": ASPPConfig(rates=(1, 2))}))


def rows(run: Run, name: str = "metrics.csv") -> list[dict[str, str]]:
    """All that is reproducible of a table; the speed is not."""
    with (run.run_dir / name).open(newline="") as file:
        return [
            {key: value for key, value in row.items() if key != "images_per_second"}
            for row in csv.DictReader(file)
        ]


def weights(run: Run, name: str = "last.safetensors") -> dict[str, torch.Tensor]:
    return load_file(run.run_dir / name)


def assert_same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_killed_run_goes_on_as_if_nothing_had_been(make_run, num_workers):
    whole, killed = make_run("whole"), make_run("killed", num_workers=num_workers)
    train(whole)
    child = train_in_child(killed, kill_at_step=6)
    assert child.returncode == -signal.SIGKILL, child.stderr
    # The kill came before the checkpoint of step 6. The row of steps 3 and 4, which is written
    # again, tells of a step before the one of step 3.
    assert torch.load(killed.run_dir / "last.pt", weights_only=True)["step"] == 3
    assert [row["step"] for row in rows(killed)] == ["2", "4", "6"]
    train(killed)
    assert rows(killed) == rows(whole)
    assert rows(killed, "validation.csv") == rows(whole, "validation.csv")
    for name in ("last.safetensors", "best.safetensors"):
        assert_same_weights(weights(killed, name), weights(whole, name))


def test_a_finished_run_is_left_as_it_is(make_run):
    run = make_run()
    first = train(run)
    before = {
        path: path.read_bytes() for path in run.run_dir.glob("*.*") if "tfevents" not in path.name
    }
    assert train(run) == first
    assert all(path.read_bytes() == content for path, content in before.items())


def test_training_lowers_the_loss_and_raises_the_score(make_run):
    run = make_run(iterations=60, validate_every=20, average_decay=0.0, log_every=5)
    train(run)
    losses = [float(row["loss"]) for row in rows(run)]
    assert losses[-1] < 0.5 * losses[0]
    scores = [float(row["mean_iou"]) for row in rows(run, "validation.csv")]
    assert scores[-1] > scores[0]


def test_one_run_folder_holds_all_that_was_promised(make_run):
    run = make_run()
    told: list[Progress] = []
    assert train(run, watch=told.append) == run.run_dir / "best.safetensors"
    files = {path.name.split(".")[0] for path in run.run_dir.iterdir()}
    assert files == {"best", "last", "recipe", "metrics", "validation", "events", "overlays"}
    assert (run.run_dir / "recipe.yaml").read_text() == run.recipe_yaml
    assert len(list((run.run_dir / "overlays").glob("*.jpg"))) == 4  # two pictures, scored twice
    assert [progress.step for progress in told] == [2, 4, 6, 8]
    card = load_checkpoint(run.run_dir / "best.safetensors").card
    assert card.recipe == run.recipe_yaml
    assert card.provenance["data"] == "6 pictures of VOC2012/train"
    best = max(float(row["mean_iou"]) for row in rows(run, "validation.csv"))
    assert card.provenance["validation mIoU"] == f"{best:.4f}"


def test_without_validation_pictures_the_last_checkpoint_is_the_best(make_run):
    run = make_run(iterations=2)
    run = replace(run, data=run.data.model_copy(update={"holdout_every": 0}))
    assert train(run) == run.run_dir / "last.safetensors"
    assert not (run.run_dir / "best.safetensors").exists()


def test_a_running_average_of_the_weights_is_kept(make_run):
    settings = {"iterations": 2, "checkpoint_every": 1, "log_every": 1}
    plain = make_run("plain", average_decay=0.0, **settings)
    averaged = make_run("averaged", average_decay=0.75, **settings)
    checkpoints: list[dict[str, torch.Tensor]] = []

    def collect(progress: Progress) -> None:
        if progress.step == 2:  # the checkpoint of this step is not written yet
            checkpoints.append(weights(plain))

    train(plain, watch=collect)
    train(averaged)
    first, second, average = checkpoints[0], weights(plain), weights(averaged)
    for name in average:
        if average[name].is_floating_point():
            torch.testing.assert_close(average[name], 0.75 * first[name] + 0.25 * second[name])


def test_accumulated_passes_are_one_step_along_their_mean_gradient(make_run):
    settings = {"optimiser": "sgd", "momentum": 0.0, "batch_norm": "frozen", "average_decay": 0.0}
    run = make_run(iterations=1, batch_size=1, accumulate=3, base_lr=0.1, **settings)
    run = without_dropout(run)
    train(run)
    torch.manual_seed(run.train.seed)
    network = initialise(run.model).eval()  # frozen batch norm
    data, _ = open_data(run.data)
    mean_255 = network.preprocessing.mean_255
    stream = CropStream(data, run.data, mean_255=mean_255, seed=run.train.seed)
    losses = []
    for position in range(3):
        picture, labels = stream[position]
        scores = network(network.preprocessing.apply(picture[None]))
        scores = functional.interpolate(scores, size=(5, 5), mode="bilinear", align_corners=True)
        targets = labels[None, ::8, ::8].long()
        losses.append(functional.cross_entropy(scores, targets, ignore_index=255))
    torch.stack(losses).mean().backward()
    for name, value in network.named_parameters():
        is_norm = value.ndim == 1 and (".bn" in name or "backbone.bn" in name)
        head, bias = name.startswith("head."), name.endswith("bias")
        multiplier = 0 if is_norm else {(0, 0): 1, (0, 1): 2, (1, 0): 10, (1, 1): 20}[head, bias]
        gradient = value.grad + (0 if bias else 5e-4) * value
        expected = value - 0.1 * multiplier * gradient
        # float32: sums in another order, and weights that move by a thousandth of themselves
        torch.testing.assert_close(weights(run)[name], expected.detach(), rtol=1e-4, atol=1e-6)
    loss = float(rows(run)[0]["loss"])
    assert loss == pytest.approx(torch.stack(losses).mean().item(), rel=1e-5)


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one_that_accumulates(make_run):
    settings = {"batch_size": 1, "batch_norm": "affine"}  # statistics are those of one process
    alone = without_dropout(make_run("alone", accumulate=2, **settings))
    together = without_dropout(make_run("together", devices=2, **settings))
    train(alone)
    child = train_in_child(together)
    assert child.returncode == 0, child.stderr
    for ours, theirs in zip(rows(together), rows(alone), strict=True):
        assert float(ours["loss"]) == pytest.approx(float(theirs["loss"]), rel=1e-4)
    for name, value in weights(together).items():
        torch.testing.assert_close(value, weights(alone)[name], rtol=1e-4, atol=1e-5)


def test_a_loss_that_explodes_is_an_error_that_names_the_setting(make_run):
    run = make_run(base_lr=1e30, optimiser="sgd", iterations=50)
    with pytest.raises(ValueError, match=r"the loss is (nan|inf) at step \d+: lower train.base_lr"):
        train(run)


def test_a_network_with_another_number_of_classes_is_an_error(make_run):
    run = make_run()
    run = replace(run, model=run.model.model_copy(update={"num_classes": 3}))
    with pytest.raises(ValueError, match=r"model.num_classes is 3, but the data has 21 classes"):
        train(run)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_damaged_state_is_named_and_says_what_to_do(make_run, content):
    run = make_run(iterations=2)
    train(run)
    state_path = run.run_dir / "last.pt"
    state_path.write_bytes(state_path.read_bytes()[:-100] if content is None else content)
    with pytest.raises(ValueError, match=r"last.pt is damaged .*: remove it"):
        train(run)


def test_a_run_that_goes_on_keeps_its_class_weights(make_run):
    run = make_run(class_weights="auto", iterations=8)
    child = train_in_child(run, kill_at_step=4)
    assert child.returncode == -signal.SIGKILL, child.stderr
    kept = torch.load(run.run_dir / "last.pt", weights_only=True)
    weights_then = kept["class_weights"]
    assert max(weights_then) > 1 > min(weights_then)
    kept["class_weights"] = tuple(2 * one for one in weights_then)  # of other label maps, say
    torch.save(kept, run.run_dir / "last.pt")
    train(run)
    assert torch.load(run.run_dir / "last.pt", weights_only=True)["class_weights"] == tuple(
        2 * one for one in weights_then
    )


def test_class_weights_change_what_is_learnt(make_run):
    plain, weighted = make_run("plain"), make_run("weighted", class_weights={"cat": 5.0})
    for run in (plain, weighted):
        train(run)
    assert rows(plain)[0]["loss"] != rows(weighted)[0]["loss"]
    card = load_checkpoint(weighted.run_dir / "last.safetensors").card
    assert card.provenance["class weights"].split(", ")[8] == "5"


def test_activations_that_are_computed_again_make_no_difference(make_run):
    settings = {"accumulate": 2, "batch_norm": "frozen", "optimiser": "sgd", "average_decay": 0.0}
    kept, again = (
        make_run(name, iterations=1, **settings, **more)
        for name, more in (("kept", {}), ("again", {"checkpoint_activations": True}))
    )
    model = ModelConfig(backbone="resnet50", init="random", scales=(1, 0.5))
    for run in (kept, again):
        train(replace(run, model=model))
    # There filters are folded for every pass, so that gradients add up in another order.
    torch.testing.assert_close(weights(again), weights(kept), rtol=1e-4, atol=5e-6)
    losses = [[float(row["loss"]) for row in rows(run)] for run in (again, kept)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_activations_of_other_backbones_are_not_computed_again(make_run):
    with pytest.raises(ValueError, match=r"train\.checkpoint_activations is for .* vgg16"):
        train(make_run(checkpoint_activations=True))
