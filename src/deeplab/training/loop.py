"""The training loop, from an empty folder to trained weights, over Lightning Fabric.

Everything random is a function of the seed and of the step (crops by their position in the stream,
dropout by a seed for each step), so what has to be saved to go on exactly is the step, the weights
and the optimiser's memory.
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule, _FabricOptimizer
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from deeplab.data.stream import CropStream, open_data
from deeplab.models import (
    DeepLab,
    ModelConfig,
    folded_once,
    initialise,
    recompute_activations,
)
from deeplab.training import loss
from deeplab.training.arithmetic import arithmetic, memory_format
from deeplab.training.balance import class_weights
from deeplab.training.config import TrainConfig
from deeplab.training.keeper import Keeper
from deeplab.training.memory import give_back_freed_memory, keep_freed_memory
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

Loss = Callable[[Sequence[Tensor], Tensor], Tensor]
"""Of class scores at every scale, (N, K, h, w) each, and labels (N, H, W)."""

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
    class_names = training_data.label_set.class_names
    check_classes(run.model, class_names)
    fabric = _launch(config)
    learner = _make_learner(run.model, config, class_names)
    wrapped = fabric.setup(learner.network, learner.optimiser)
    wrapped[0].mark_forward_method("score_scales")
    state = _find_state(run, learner, fabric.device)
    mean_255 = learner.network.preprocessing.mean_255
    stream = CropStream(training_data, run.data, mean_255=mean_255, seed=config.seed)
    if state.step == 0:
        state.class_weights = class_weights(config.class_weights, class_names, stream)
    crop_loss = _loss(learner.network, config, state, fabric.device)
    crops = _crops(stream, config, fabric, first_step=state.step)
    keeper = Keeper(run, stream, training_data.label_set, learner)
    with Reporter(run, state, watch=watch, is_main=fabric.is_global_zero) as reporter:
        while state.step < config.iterations:
            rate = set_rate(learner.optimiser, config, state.step)
            state.losses.append(_step(fabric, wrapped, crops, crop_loss, config, state.step))
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
        if config.checkpoint_activations:
            give_back_freed_memory()
        else:
            keep_freed_memory()
    return fabric


def _make_learner(model: ModelConfig, config: TrainConfig, class_names: Sequence[str]) -> Learner:
    torch.manual_seed(config.seed)
    network = initialise(model, class_names)
    network = network.to(memory_format=memory_format(network, config))
    prepare_batch_norm(network, config)
    freeze(network, config)
    if config.checkpoint_activations:
        recompute_activations(network)
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


def _loss(network: DeepLab, config: TrainConfig, state: RunState, device: torch.device) -> Loss:
    weights = state.class_weights
    return partial(
        loss.scales_loss,
        network,
        loss_stride=config.loss_stride,
        label_smoothing=config.label_smoothing,
        class_weights=None if weights is None else torch.tensor(weights, device=device),
    )


def _step(
    fabric: Fabric,
    wrapped: tuple[_FabricModule, _FabricOptimizer],
    crops: Iterator[tuple[Tensor, Tensor]],
    crop_loss: Loss,
    config: TrainConfig,
    step: int,
) -> float:
    """Take one optimiser step; returns the loss, averaged over its passes and the devices."""
    network, optimiser = wrapped
    plain = cast(DeepLab, network.module)
    set_training(network, config)
    torch.manual_seed(hash((config.seed, step, fabric.global_rank)) % 2**63)
    folds_once = fabric.world_size == 1 and not config.checkpoint_activations  # it takes memory
    with folded_once(plain) if folds_once else nullcontext():
        total = _passes(fabric, network, crops, crop_loss, config)
    mean = cast(Tensor, fabric.all_reduce(torch.tensor(total, device=fabric.device))).item()
    if not math.isfinite(mean):
        raise ValueError(f"the loss is {mean} at step {step}: lower train.base_lr")
    if config.max_gradient_norm:
        fabric.clip_gradients(network, optimiser, max_norm=config.max_gradient_norm)
    optimiser.step()
    optimiser.zero_grad()
    return mean


def _passes(
    fabric: Fabric,
    network: _FabricModule,
    crops: Iterator[tuple[Tensor, Tensor]],
    crop_loss: Loss,
    config: TrainConfig,
) -> float:
    """Gather the gradients of one step; returns the loss, averaged over its passes."""
    plain = cast(DeepLab, network.module)
    total = 0.0
    for turn in range(config.accumulate):
        pictures, labels = next(crops)
        inputs = plain.preprocessing.apply(pictures)
        inputs = inputs.contiguous(memory_format=memory_format(plain, config))
        with fabric.no_backward_sync(network, enabled=turn + 1 < config.accumulate):
            mean_loss = crop_loss(network.score_scales(inputs), labels)
            fabric.backward(mean_loss / config.accumulate)
        total += mean_loss.item() / config.accumulate
    return total


def _crops(
    stream: CropStream, config: TrainConfig, fabric: Fabric, *, first_step: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of this device: (N, bands, crop, crop) and (N, crop, crop), see `Crop`."""
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


def check_class_names(class_names: Sequence[str]) -> None:
    """Refuse a single class.

    Raises:
        ValueError: There is one class, which a network cannot tell from anything.
    """
    if len(class_names) == 1:
        raise ValueError(
            f"the data has one class ({class_names[0]}), and a network chooses between classes: "
            f"name what is not {class_names[0]} too, such as `background`, before it in the class "
            "list"
        )


def check_classes(model: ModelConfig, class_names: Sequence[str]) -> None:
    """Refuse data of other classes than the network has, in number.

    Raises:
        ValueError: They differ, or there is one alone.
    """
    check_class_names(class_names)
    if model.num_classes != len(class_names):
        raise ValueError(
            f"model.num_classes is {model.num_classes}, but the data has {len(class_names)} "
            f"classes ({', '.join(class_names)}): set model.num_classes={len(class_names)}"
        )
