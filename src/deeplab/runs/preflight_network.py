"""What is looked at before training: where the weights start, which stay, which learn how fast.

The network is built without numbers (torch's meta device), so that it costs little.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from deeplab.models import DeepLab, ModelConfig, build, find_imagenet_file, starting_tensors
from deeplab.recipes import COCO_RESNET101, START_FILES
from deeplab.runs.findings import Findings
from deeplab.training import TrainConfig, freeze, parameter_groups, prepare_batch_norm

_MOST_NAMED = 8

_BATCH_NORM = {
    "frozen": "statistics, scale and offset stay",
    "affine": "statistics stay, scale and offset learn",
    "slow": "all learn",
}


def look_at_network(model: ModelConfig, train: TrainConfig, class_names: Sequence[str]) -> Findings:
    """Look at the weights of a run.

    Args:
        model: The network.
        train: How it learns.
        class_names: Of the data.

    Raises:
        ValueError: The starting weights are not there (the message says how to get those that we
            know), or do not fit; or `train.freeze` names what the backbone has not.
    """
    network = sketch(model)
    started = look_at_start(model, network, class_names)
    prepare_batch_norm(network, train)
    freeze(network, train)
    return started + look_at_learning(network, train)


def sketch(model: ModelConfig) -> DeepLab:
    """Build a network that has shapes and no numbers."""
    with torch.device("meta"):
        return build(model.model_copy(update={"init": "random"}))


def look_at_start(model: ModelConfig, network: DeepLab, class_names: Sequence[str]) -> Findings:
    """Say which layers start from weights, and which are random."""
    names = list(network.state_dict())
    given = set(_given(model, network, class_names))
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in names if name not in given))
    listed = ", ".join(layers[:_MOST_NAMED]) + (", ..." if len(layers) > _MOST_NAMED else "")
    fact = f"start: {model.init}, {len(given)} of {len(names)} tensors"
    if given and layers:
        fact += f"; random: {listed}"
    return Findings((fact,), tuple(_doubts(model, layers)))


def look_at_learning(network: DeepLab, train: TrainConfig) -> Findings:
    """Say which parameters learn, at which rate and decay, and which stay."""
    facts = []
    for group in parameter_groups(network, train):
        tensors = group["params"]
        facts.append(
            f"learns: {group['name']}, {_size(tensors)}, rate x{group['multiplier']:g}, "
            f"decay {group['weight_decay']:g}"
        )
    stay = [one for one in network.parameters() if not one.requires_grad]
    norms = [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
    if norms:
        facts.append(f"batch norms: {len(norms)}, {_BATCH_NORM[train.batch_norm]}")
    if stay:
        facts.append(f"stays: {_size(stay)}")
    return Findings(tuple(facts))


def _given(model: ModelConfig, network: DeepLab, class_names: Sequence[str]) -> Iterator[str]:
    """Name the tensors that the start has."""
    if model.init == "imagenet":
        find_imagenet_file(model.backbone)
        yield from (name for name in network.state_dict() if name.startswith("backbone."))
    elif model.init != "random":
        try:
            yield from starting_tensors(model, network.state_dict(), class_names)
        except ValueError as error:
            raise ValueError(f"{error}{_how_to_get(model.init)}") from None


def _how_to_get(init: str) -> str:
    words = ""
    if init in START_FILES:
        words = f". {init} is {START_FILES[init]}: `deeplab weights import FILE` makes it known"
    if init == COCO_RESNET101:
        words += (
            "; or train it yourself: `deeplab train coco-resnet101`, and from then on --set "
            "model.init=runs/coco-resnet101/last.safetensors"
        )
    if init.startswith("runs/"):
        stage = init.split("/")[1]
        words = f". It is what `deeplab train {stage}` leaves: train that first"
    return words


def _doubts(model: ModelConfig, random_layers: Sequence[str]) -> Iterator[str]:
    if model.init == "random":
        yield "all weights start random: the paper starts from ImageNet or MS COCO"
        return
    hidden = [name for name in random_layers if name.rpartition(".")[2] in ("fc6", "fc7")]
    if hidden and model.backbone == "vgg16":
        yield (
            f"{', '.join(hidden)} start random; the authors' came from VGG-16's own fc6 and fc7 on "
            "ImageNet: expect less than published (train.hidden_lr_multiplier=10 lets them learn "
            "faster)"
        )


def _size(tensors: Sequence[torch.Tensor]) -> str:
    plural = "" if len(tensors) == 1 else "s"
    numbers = f"{sum(one.numel() for one in tensors):,}".replace(",", " ")
    return f"{len(tensors)} tensor{plural}, {numbers} numbers"
