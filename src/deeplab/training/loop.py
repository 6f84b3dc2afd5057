"""The training loop, from an empty folder to trained weights, over Lightning Fabric.

Everything random is a function of the seed and of the step (crops by their position in the stream,
dropout by a seed for each step), so what has to be saved to go on exactly is the step, the weights
and the optimiser's memory.
"""

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule, _FabricOptimizer
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from deeplab.data.stream import CropStream, open_data
from deeplab.labels import LabelSet
from deeplab.models import DeepLab, ModelConfig, initialise
from deeplab.training.arithmetic import arithmetic
from deeplab.training.config import TrainConfig
from deeplab.training.keeper import Keeper
from deeplab.training.loss import pixel_loss
from deeplab.training.memory import keep_freed_memory
from deeplab.training.optim import (
    freeze,
    make_optimiser,
    prepare_batch_norm,
    set_rate,
    set_training,
)
from deeplab.training.report import Reporter, Watch
from deeplab.training.run import Run
from deeplab.training.run_state import Learner, RunState, load_state

_log = logging.getLogger(__name__)


def train(run: Run, *, watch: Watch = lambda progress: None) -> Path:
    """Train, or go on training, until all iterations are done.

    Args:
        run: What, how and where.
        watch: Called with the progress every `log_every` steps.

    Returns:
        The best checkpoint (`best.safetensors`; the last one if there were no validation pictures).

    Raises:
        ValueError: Data or starting weights that are missing or do not fit, or a loss that is not
            a number any more.
    """
    config = run.train
    training_data, validation_data = open_data(run.data)
    _check_classes(run.model, training_data.label_set)
    fabric = _launch(config)
    learner = _make_learner(run.model, config)
    wrapped = fabric.setup(learner.network, learner.optimiser)
    state = _find_state(run, learner, fabric.device)
    mean_rgb_255 = learner.network.preprocessing.mean_rgb_255
    stream = CropStream(training_data, run.data, mean_rgb_255=mean_rgb_255, seed=config.seed)
    crops = _crops(stream, config, fabric, first_step=state.step)
    keeper = Keeper(run, stream, training_data.label_set, learner)
    with Reporter(run, state, watch=watch, is_main=fabric.is_global_zero) as reporter:
        while state.step < config.iterations:
            rate = set_rate(learner.optimiser, config, state.step)
            state.losses.append(_step(fabric, wrapped, crops, config, state.step))
            if learner.average is not None:
                learner.average.update_parameters(learner.network)
            state.step += 1
            reporter.step(state, rate)
            is_last = state.step == config.iterations
            if validation_data and (is_last or state.step % config.validate_every == 0):
                if fabric.is_global_zero:
                    keeper.validate(validation_data, state, reporter)
                fabric.barrier()
            if fabric.is_global_zero and (is_last or state.step % config.checkpoint_every == 0):
                keeper.keep_last(state)
    best = run.run_dir / "best.safetensors"
    return best if best.exists() else run.run_dir / "last.safetensors"


def _launch(config: TrainConfig) -> Fabric:
    precision = arithmetic(config)
    if precision != config.precision:
        _log.warning("no bfloat16 on this processor: computing in float32 instead")
    fabric = Fabric(accelerator=config.accelerator, devices=config.devices, precision=precision)
    fabric.launch()
    if fabric.device.type == "cpu":
        keep_freed_memory()
    return fabric


def _make_learner(model: ModelConfig, config: TrainConfig) -> Learner:
    torch.manual_seed(config.seed)
    network = initialise(model).to(memory_format=torch.channels_last)
    prepare_batch_norm(network, config)
    freeze(network, config)
    average = None
    if config.average_decay:
        move = get_ema_multi_avg_fn(config.average_decay)  # type: ignore[no-untyped-call]
        average = AveragedModel(network, multi_avg_fn=move, use_buffers=True)
    return Learner(network, make_optimiser(network, config), average)


def _find_state(run: Run, learner: Learner, device: torch.device) -> RunState:
    """Go on from `last.pt` if it is there; the learner is on its device already."""
    if learner.average is not None:
        learner.average.to(device)
    last = run.run_dir / "last.pt"
    return load_state(last, learner) if last.exists() else RunState()


def _step(
    fabric: Fabric,
    wrapped: tuple[_FabricModule, _FabricOptimizer],
    crops: Iterator[tuple[Tensor, Tensor]],
    config: TrainConfig,
    step: int,
) -> float:
    """Take one optimiser step; returns the loss, averaged over its passes and the devices."""
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
    mean = cast(Tensor, fabric.all_reduce(torch.tensor(total, device=fabric.device))).item()
    if not math.isfinite(mean):
        raise ValueError(f"the loss is {mean} at step {step}: lower train.base_lr")
    if config.max_gradient_norm:
        fabric.clip_gradients(network, optimiser, max_norm=config.max_gradient_norm)
    optimiser.step()
    optimiser.zero_grad()
    return mean


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
        # Without one it draws from the global one when it starts: dropout would not be the same
        # in the first step after a start, and so not after a resumption.
        generator=torch.Generator().manual_seed(config.seed),
    )
    for pictures, labels in loader:
        yield fabric.to_device(pictures), fabric.to_device(labels)


def _check_classes(model: ModelConfig, label_set: LabelSet) -> None:
    if model.num_classes != len(label_set.class_names):
        raise ValueError(
            f"model.num_classes is {model.num_classes}, but the data has "
            f"{len(label_set.class_names)} classes ({', '.join(label_set.class_names)}): "
            f"set model.num_classes={len(label_set.class_names)}"
        )
