"""Network weights on disk: safetensors with the network's settings and card in the header."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from deeplab import imaging
from deeplab.models.deeplab import DeepLab, ModelConfig, build
from deeplab.weights import NetworkCard, resolve_checkpoint


@dataclass(frozen=True)
class Checkpoint:
    """A network and what is known of it.

    Attributes:
        network: (N, 3, H, W) preprocessed -> class scores (N, K, h, w), in evaluation mode.
        config: The settings it was built from.
        card: Class names, colours, recipe, provenance.
    """

    network: DeepLab
    config: ModelConfig
    card: NetworkCard


def save_checkpoint(
    path: Path, weights: Mapping[str, Tensor], *, config: ModelConfig, card: NetworkCard
) -> None:
    """Write a state dict with the settings and the card of its network.

    Args:
        path: A `.safetensors` file; replaced only when the new one is complete.
        weights: The state dict of a `DeepLab`.
        config: The settings it was built from.
        card: What to say about it.
    """
    tensors = {name: value.detach().contiguous().cpu() for name, value in weights.items()}
    metadata = {"model": config.model_dump_json(), **card.to_metadata()}
    content = save(tensors, metadata=metadata)
    imaging.write_atomically(path, lambda file: file.write(content))


def load_checkpoint(weights: str | Path) -> Checkpoint:
    """Build a network out of a checkpoint.

    Args:
        weights: A `.safetensors` file that `save_checkpoint` wrote, or a published name.

    Raises:
        ValueError: Not such a file, or weights that do not fit the settings in its header.
    """
    path = resolve_checkpoint(weights)
    tensors, metadata = _read(path)
    config = ModelConfig.model_validate(json.loads(metadata["model"]))
    network = build(config.model_copy(update={"init": "random"}))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(
            f"checkpoint {path} does not fit the network in its header: {error}"
        ) from None
    return Checkpoint(network.eval(), config, NetworkCard.from_metadata(metadata))


def initialise(config: ModelConfig) -> DeepLab:
    """Build a network with the weights that training starts from (`config.init`).

    Raises:
        ValueError: The start is a checkpoint of another backbone, or none at all.
    """
    network = build(config)
    if config.init in ("imagenet", "random"):
        return network
    path = resolve_checkpoint(config.init)
    tensors, _ = _read(path)
    own = network.state_dict()
    fitting = {name: value for name, value in tensors.items() if _fits(name, value, own)}
    missing = [name for name in own if name.startswith("backbone.") and name not in fitting]
    if missing:
        raise ValueError(
            f"model.init={config.init}: its backbone is not a {config.backbone} ({len(missing)} of "
            f"its parameters are missing or have another shape, the first is {missing[0]!r})"
        )
    network.load_state_dict(fitting, strict=False)
    return network


def _fits(name: str, value: Tensor, own: Mapping[str, Tensor]) -> bool:
    return name in own and own[name].shape == value.shape


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from None
    if "model" not in metadata:
        raise ValueError(
            f"{path} does not say which network it holds: it was not written by deeplab train"
        )
    return tensors, metadata
