"""The training loop, from an empty folder to trained weights, over Lightning Fabric.

Everything random is a function of the seed and of the step (crops by their position in the stream,
dropout by a seed for each step), so what has to be saved to go on exactly is the step, the weights
and the optimiser's memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule, _FabricOptimizer
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from deeplab.data import CropStream, DataConfig, SegmentationData, open_data
from deeplab.evaluation import Scores, evaluate
from deeplab.inference import Segmenter
from deeplab.inference.torch_engine import TorchEngine
from deeplab.labels import LabelSet
from deeplab.models import DeepLab, ModelConfig, initialise, save_checkpoint
from deeplab.training.config import TrainConfig
from deeplab.training.loss import pixel_loss
from deeplab.training.memory import keep_freed_memory
from deeplab.training.optim import (
    freeze,
    make_optimiser,
    prepare_batch_norm,
    set_rate,
    set_training,
)
from deeplab.training.report import Reporter
from deeplab.training.run_state import RunState, load_state, save_state
from deeplab.weights import NetworkCard


@dataclass(frozen=True)
class Run:
    """What is to be trained, and where it is kept.

    Attributes:
        name: Of the recipe.
        model: Which network.
        data: What it learns from.
        train: How it learns.
        recipe_yaml: The full recipe, kept beside the weights.
        run_dir: Folder of checkpoints, metrics and pictures; a run found there is continued.
    """

    name: str
    model: ModelConfig
    data: DataConfig
    train: TrainConfig
    recipe_yaml: str
    run_dir: Path


def train(run: Run) -> Path:
    """Train, or go on training, until all iterations are done.

    Returns:
        The best checkpoint (`best.safetensors`; the last one if there were no validation pictures).

    Raises:
        ValueError: Data or starting weights that are missing or do not fit.
    """
    config = run.train
    training_data, validation_data = open_data(run.data)
    _check_classes(run.model, training_data.label_set)
    fabric = Fabric(
        accelerator=config.accelerator, devices=config.devices, precision=config.precision
    )
    fabric.launch()
    if fabric.device.type == "cpu":
        keep_freed_memory()
    torch.manual_seed(config.seed)
    network = initialise(run.model).to(memory_format=torch.channels_last)
    prepare_batch_norm(network, config)
    freeze(network, config)
    average = _average(network, config)
    optimiser = make_optimiser(network, config)
    state = RunState()
    if (run.run_dir / "last.pt").exists():
        state = load_state(run.run_dir / "last.pt", network, optimiser, average)
    if average is not None:
        average.to(fabric.device)
    wrapped = fabric.setup(network, optimiser)
    stream = CropStream(
        training_data, run.data, mean_rgb_255=network.preprocessing.mean_rgb_255, seed=config.seed
    )
    crops = _crops(stream, config, fabric, first_step=state.step)
    keeper = _Keeper(run, stream, training_data.label_set, network, optimiser, average)
    with Reporter(run.run_dir, config, state, is_main=fabric.is_global_zero) as reporter:
        reporter.start(run, len(training_data.samples), state)
        while state.step < config.iterations:
            rate = set_rate(optimiser, config, state.step)
            loss = _step(fabric, wrapped, crops, config, state.step)
            if average is not None:
                average.update_parameters(network)
            state.step += 1
            reporter.step(state.step, loss, rate)
            is_last = state.step == config.iterations
            if validation_data and (is_last or state.step % config.validate_every == 0):
                if fabric.is_global_zero:
                    keeper.validate(validation_data, state, reporter)
                fabric.barrier()
            if fabric.is_global_zero and (is_last or state.step % config.checkpoint_every == 0):
                keeper.keep_last(state)
    best = run.run_dir / "best.safetensors"
    return best if best.exists() else run.run_dir / "last.safetensors"


def _step(
    fabric: Fabric,
    wrapped: tuple[_FabricModule, _FabricOptimizer],
    crops: Iterator[tuple[Tensor, Tensor]],
    config: TrainConfig,
    step: int,
) -> float:
    """Take one optimiser step; returns the loss, averaged over its passes."""
    network, optimiser = wrapped
    plain = cast(DeepLab, network.module)
    set_training(network, config)
    torch.manual_seed(hash((config.seed, step, fabric.global_rank)) % 2**63)
    total = 0.0
    for turn in range(config.accumulate):
        pictures, labels = next(crops)
        inputs = plain.preprocessing.apply(pictures).contiguous(memory_format=torch.channels_last)
        with fabric.no_backward_sync(network, enabled=turn + 1 < config.accumulate):
            loss = pixel_loss(
                network(inputs),
                labels,
                loss_stride=config.loss_stride,
                label_smoothing=config.label_smoothing,
            )
            fabric.backward(loss / config.accumulate)
        total += loss.item() / config.accumulate
    if config.max_gradient_norm:
        fabric.clip_gradients(network, optimiser, max_norm=config.max_gradient_norm)
    optimiser.step()
    optimiser.zero_grad()
    if total != total:
        raise ValueError(f"the loss is not a number at step {step}: lower train.base_lr")
    return total


def _crops(
    stream: CropStream, config: TrainConfig, fabric: Fabric, *, first_step: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of this device: (N, 3, crop, crop) and (N, crop, crop), both uint8."""
    world = fabric.world_size
    per_step = config.batch_size * config.accumulate * world
    positions = range(
        first_step * per_step + fabric.global_rank, config.iterations * per_step, world
    )
    loader = DataLoader(
        stream,
        batch_size=config.batch_size,
        sampler=positions,
        num_workers=config.num_workers,
        prefetch_factor=4 if config.num_workers else None,
        pin_memory=fabric.device.type == "cuda",
    )
    for pictures, labels in loader:
        yield fabric.to_device(pictures), fabric.to_device(labels)


def _average(network: DeepLab, config: TrainConfig) -> AveragedModel | None:
    if not config.average_decay:
        return None
    move = get_ema_multi_avg_fn(config.average_decay)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=move, use_buffers=True)


def _check_classes(model: ModelConfig, label_set: LabelSet) -> None:
    if model.num_classes != len(label_set.class_names):
        raise ValueError(
            f"model.num_classes is {model.num_classes}, but the data has "
            f"{len(label_set.class_names)} classes ({', '.join(label_set.class_names)}): "
            f"set model.num_classes={len(label_set.class_names)}"
        )


class _Keeper:
    """Scores and saves what has been learnt so far: the running average if there is one."""

    def __init__(
        self,
        run: Run,
        stream: CropStream,
        label_set: LabelSet,
        network: DeepLab,
        optimiser: torch.optim.Optimizer,
        average: AveragedModel | None,
    ) -> None:
        self.run = run
        self.stream = stream
        self.label_set = label_set
        self.network = network
        self.optimiser = optimiser
        self.average = average

    @property
    def learnt(self) -> DeepLab:
        return self.network if self.average is None else cast(DeepLab, self.average.module)

    def validate(
        self, validation_data: SegmentationData, state: RunState, reporter: Reporter
    ) -> None:
        card = self.card(state, None)
        network = self.learnt.eval()
        engine = TorchEngine(network, card, autocast=self.run.train.precision != "32-true")
        segmenter = Segmenter(engine)
        with reporter.pause():
            scores = evaluate(segmenter, validation_data)
        reporter.validation(state.step, scores, segmenter, validation_data)
        if scores.mean_iou > state.best_mean_iou:
            state.best_mean_iou = scores.mean_iou
            self._keep("best.safetensors", state, scores)

    def keep_last(self, state: RunState) -> None:
        save_state(self.run.run_dir / "last.pt", state, self.network, self.optimiser, self.average)
        self._keep("last.safetensors", state, None)

    def card(self, state: RunState, scores: Scores | None) -> NetworkCard:
        sources = ", ".join(f"{source.root.name}/{source.split}" for source in self.run.data.train)
        provenance = {
            "data": f"{len(self.stream.samples)} pictures of {sources}",
            "iterations": f"{state.step} of {self.run.train.iterations}",
        }
        if scores is not None:
            provenance["validation mIoU"] = f"{scores.mean_iou:.4f}"
        return NetworkCard(
            name=self.run.name,
            class_names=self.label_set.class_names,
            palette=self.label_set.palette,
            output_stride=self.run.model.output_stride,
            recipe=self.run.recipe_yaml,
            provenance=provenance,
            longest_side=self.stream.longest_side_px,
        )

    def _keep(self, file_name: str, state: RunState, scores: Scores | None) -> None:
        save_checkpoint(
            self.run.run_dir / file_name,
            self.learnt.state_dict(),
            config=self.run.model,
            card=self.card(state, scores),
        )
