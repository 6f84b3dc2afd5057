"""ResNet-101 with ASPP and multi-scale inputs: ours, written plainly, and kazuto1011's port.

Each is a function that takes one optimiser step of several passes of one picture, in the way that
its own training does.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from plain_network import BLOCKS, CLASSES, RATES, PlainNetwork, resized
from torch import Tensor, nn
from torch.nn import functional

from deeplab.models import ModelConfig, folded_once, initialise, recompute_activations
from deeplab.training.arithmetic import arithmetic, memory_format
from deeplab.training.config import TrainConfig
from deeplab.training.loss import scales_loss
from deeplab.training.memory import give_back_freed_memory, keep_freed_memory
from deeplab.training.optim import make_optimiser, prepare_batch_norm, set_training

VOID, SCALES = 255, (1.0, 0.75, 0.5)
CONFIG = TrainConfig(accelerator="cpu", precision="bf16-mixed", batch_size=1)
Step = Callable[[], None]


@dataclass(frozen=True)
class Size:
    """Of what is trained: layers, pixels of a crop's side, passes of a step."""

    depth: int
    crop_px: int
    passes: int

    def crop(self) -> tuple[Tensor, Tensor]:
        draw = torch.Generator().manual_seed(0)
        shape = (1, 3, self.crop_px, self.crop_px)
        labels = torch.randint(0, CLASSES, (1, *shape[2:]), generator=draw)
        return 50 * torch.randn(shape, generator=draw), labels.byte()


def our_network_config(depth: int) -> ModelConfig:
    return ModelConfig(
        backbone=f"resnet{depth}",
        output_stride=8,
        scales=SCALES,
        num_classes=CLASSES,
        init="random",
    )


def our_step(size: Size, *, recompute: bool) -> Step:
    """Prepare what `deeplab train` does in a step."""
    config = CONFIG
    give_back_freed_memory() if recompute else keep_freed_memory()
    network = initialise(our_network_config(size.depth))
    network = network.to(memory_format=memory_format(network, config))
    prepare_batch_norm(network, config)
    if recompute:
        recompute_activations(network)
    set_training(network, config)
    optimiser = make_optimiser(network, config)
    pictures, labels = size.crop()
    pictures = pictures.contiguous(memory_format=memory_format(network, config))

    def step() -> None:
        with nullcontext() if recompute else folded_once(network):
            for _ in range(size.passes):
                with torch.autocast("cpu", torch.bfloat16, arithmetic(config) == "bf16-mixed"):
                    scores = network.score_scales(pictures)
                loss = scales_loss(network, scores, labels, loss_stride=config.loss_stride)
                (loss / size.passes).backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def plain_step(size: Size) -> Step:
    """Prepare a step of the plain network, with frozen batch norms and the losses of ours."""
    network = PlainNetwork(size.depth, SCALES).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval().requires_grad_(False)
    learnt = [one for one in network.parameters() if one.requires_grad]
    optimiser = torch.optim.SGD(learnt, lr=2.5e-4, momentum=0.9, weight_decay=5e-4)
    pictures, labels = size.crop()

    def step() -> None:
        for _ in range(size.passes):
            scores = network(pictures)
            (plain_loss(scores, labels) / size.passes).backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def plain_loss(scores: list[Tensor], labels: Tensor) -> Tensor:
    """Add the losses of the largest score and of each scale."""
    whole, middle, half = scores
    side = whole.shape[-1]
    middle, half_on_whole = resized(middle, side), resized(half, side)
    fused = torch.maximum(torch.maximum(whole, middle), half_on_whole)
    targets, coarse = labels[:, ::8, ::8].long(), labels[:, ::16, ::16].long()
    pairs = [(fused, targets), (whole, targets), (middle, targets), (half, coarse)]
    return sum(functional.cross_entropy(one, other, ignore_index=VOID) for one, other in pairs)


def port_step(size: Size, port: Path) -> Step:
    """Prepare a step of kazuto1011/deeplab-pytorch, as its `main.py` takes it."""
    with tempfile.TemporaryDirectory() as folder:
        names = git(port, "ls-tree", "-r", "--name-only", "HEAD", "libs/models").decode().split()
        for name in ("libs/__init__.py", *names):
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(git(port, "show", f"HEAD:{name}"))
        sys.path.insert(0, folder)
        from libs.models import MSC, DeepLabV2

    base = DeepLabV2(n_classes=CLASSES, n_blocks=BLOCKS[size.depth], atrous_rates=RATES)
    network = MSC(base=base, scales=[0.5, 0.75]).train()
    base.freeze_bn()
    convs = [one.weight for one in network.modules() if isinstance(one, nn.Conv2d)]
    biases = [one.bias for one in base.aspp.modules() if isinstance(one, nn.Conv2d)]
    optimiser = torch.optim.SGD([*convs, *biases], lr=2.5e-4, momentum=0.9, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss(ignore_index=VOID)
    pictures, labels = size.crop()

    def step() -> None:
        optimiser.zero_grad()
        for _ in range(size.passes):
            losses = []
            for scores in network(pictures):
                shrunk = functional.interpolate(labels[None].float(), size=scores.shape[2:])
                losses.append(criterion(scores, shrunk[0].long()))
            (sum(losses) / size.passes).backward()
        optimiser.step()

    return step


def git(folder: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def check_plain() -> None:
    """Make sure that the plain network is ours, with less deep networks on a small crop."""
    ours = initialise(our_network_config(50))
    plain = PlainNetwork.like(ours, 50, SCALES)
    ours.double().eval(), plain.double().eval()
    pictures, labels = Size(50, 65, 1).crop()
    with torch.no_grad():
        found, expected = ours.score_scales(pictures.double()), plain(pictures.double())
        torch.testing.assert_close(found, expected)
        loss = scales_loss(ours, found, labels, loss_stride=8)
        torch.testing.assert_close(loss.double(), plain_loss(expected, labels), rtol=1e-3, atol=0)
