"""Network weights on disk: safetensors with the network's settings and card in the header.

Files that others published are read too: see `foreign`.
"""

import dataclasses
import logging
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from deeplab import whole_files
from deeplab.models.bands import fit_bands
from deeplab.models.deeplab import PAPER_BACKBONES, DeepLab, ModelConfig, build
from deeplab.models.foreign.imagenet_resnet import TORCHVISION_RESNET
from deeplab.models.foreign.open_file import open_foreign
from deeplab.models.foreign.read import read_tensors
from deeplab.models.foreign.strict import load_strictly
from deeplab.models.heads import is_of_classes
from deeplab.network_card import NetworkCard
from deeplab.weights import resolve_checkpoint

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A network and what is known of it.

    Attributes:
        network: (N, bands, H, W) preprocessed -> class scores (N, K, h, w), in evaluation mode.
        config: The settings it was built from.
        card: Class names, colours, recipe, provenance.
    """

    network: DeepLab
    config: ModelConfig
    card: NetworkCard


def save_checkpoint(
    path: Path,
    weights: Mapping[str, Tensor],
    *,
    config: ModelConfig,
    card: NetworkCard,
    half: bool = False,
) -> None:
    """Write a state dict with the settings and the card of its network.

    Args:
        path: A `.safetensors` file; replaced only when the new one is complete.
        weights: The state dict of a `DeepLab`.
        config: The settings it was built from.
        card: What to say about it.
        half: Store in 16 bits, for files that travel; loading widens to float32 again.
    """
    tensors = {name: value.detach().contiguous().cpu() for name, value in weights.items()}
    if half:
        tensors = {
            name: value.half() if value.is_floating_point() else value
            for name, value in tensors.items()
        }
    metadata = {"model": config.model_dump_json(), **card.to_metadata()}
    content = save(tensors, metadata=metadata)
    whole_files.write_atomically(path, lambda file: file.write(content))


def load_checkpoint(weights: str | Path, *, layout: str | None = None) -> Checkpoint:
    """Build a network out of a checkpoint: ours, or one that others published.

    Args:
        weights: A file, told by its content: what `save_checkpoint` wrote, a state dict of torch
            (`.pth`, `.pt`, `.bin`, `.safetensors`) or a `.caffemodel`; or a published name.
        layout: How a file of others names its tensors (a name in `LAYOUTS`), where that cannot be
            told by the names: "msra-resnet". None: it is told.

    Raises:
        ValueError: Not such a file, an unknown layout, or weights that do not fit the network: the
            message says which.
    """
    path = resolve_checkpoint(weights)
    tensors, metadata = read_tensors(path)
    if "model" not in metadata:
        opened = open_foreign(path, tensors, layout=layout)
        network = build(opened.config)
        try:
            load_strictly(network, opened.weights)
        except ValueError as error:
            raise ValueError(f"{path}, of layout {opened.layout}: {error}") from None
        return _complete(network, opened.config, opened.card)
    if layout is not None:
        raise ValueError(f"{path}: layout={layout!r} is for files of others; this one is ours")
    try:
        config = ModelConfig.model_validate_json(metadata["model"])
        card = NetworkCard.from_metadata(metadata)
        network = build(config.model_copy(update={"init": "random"}))
        network.load_state_dict(tensors)
    except (ValueError, RuntimeError) as error:
        reason = textwrap.shorten(str(error), 300, placeholder=" ...")  # torch writes many lines
        raise ValueError(f"{path}: header and weights do not make a network: {reason}") from error
    return _complete(network, config, card)


def initialise(config: ModelConfig, class_names: Sequence[str] | None = None) -> DeepLab:
    """Build a network with the weights that training starts from (`config.init`).

    Of a checkpoint the whole backbone is taken; unless `config.keep_head` is off, of the last
    layers the filters of those classes that it has too, by name, and of other layers of the head
    what has the same shape. The rest stays random, and the log says how much that is.

    Args:
        config: The network.
        class_names: Its classes; None: the head of a checkpoint is taken as it is where the number
            of classes is the same.

    Raises:
        ValueError: The start is a checkpoint of another backbone, or none at all.
    """
    network = build(config)
    if config.init in ("imagenet", "random"):
        return network
    own = network.state_dict()
    fitting = starting_tensors(config, own, class_names)
    network.load_state_dict(fitting, strict=False)
    num_random = len(own) - len(fitting)
    _log.info("%s: %d of %d tensors start random", config.init, num_random, len(own))
    return network


def starting_tensors(
    config: ModelConfig, own: Mapping[str, Tensor], class_names: Sequence[str] | None = None
) -> dict[str, Tensor]:
    """Read what `initialise` takes from the checkpoint `config.init`.

    Args:
        config: The network.
        own: Its state dict; on the meta device where only names are wanted.
        class_names: See `initialise`.

    Returns:
        Tensors by the names of `own`; those that are not among them start random.

    Raises:
        ValueError: See `initialise`.
    """
    try:
        tensors, known = _start(resolve_checkpoint(config.init), config.backbone)
    except ValueError as error:
        raise ValueError(f"model.init: {error}; `imagenet` and `random` are allowed too") from None
    tensors = fit_bands(tensors, own, config.in_channels)
    if not config.keep_head:
        tensors = {name: value for name, value in tensors.items() if not name.startswith("head.")}
    elif class_names is not None and tuple(class_names) != known:
        tensors = _for_classes(tensors, own, known, class_names)
    fitting = {
        name: value
        for name, value in tensors.items()
        if name in own and own[name].shape == value.shape
    }
    missing = [name for name in own if name not in fitting]
    if any(name.startswith("backbone.") for name in missing):
        raise ValueError(
            f"model.init={config.init}: its backbone is not a {config.backbone} ({len(missing)} "
            f"tensors are missing or have another shape, the first is {missing[0]!r})"
        )
    return fitting


def _start(path: Path, backbone: str) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Read the weights to start from and the names of their classes."""
    tensors, metadata = read_tensors(path)
    if "model" in metadata:
        found = ModelConfig.model_validate_json(metadata["model"]).backbone
        layout, card = "", NetworkCard.from_metadata(metadata)
    else:
        opened = open_foreign(path, tensors)
        tensors, found = opened.weights, opened.config.backbone
        layout, card = opened.layout, opened.card
    if layout == TORCHVISION_RESNET.name and found == f"{backbone}-torchvision":
        _log.warning(
            "%s is taken for one of He's (MSRA): its names are torchvision's too, whose weights "
            "do not fit a %s, but a %s",
            *(path, backbone, found),
        )
    elif found != backbone and {found, backbone} <= PAPER_BACKBONES.keys():
        raise ValueError(f"{path}: its backbone is a {found}, not a {backbone}")
    return tensors, card.class_names


def _complete(network: DeepLab, config: ModelConfig, card: NetworkCard) -> Checkpoint:
    card = dataclasses.replace(card, preprocessing=network.preprocessing)
    return Checkpoint(network.eval(), config, card)


def _for_classes(
    tensors: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    known: Sequence[str],
    class_names: Sequence[str],
) -> dict[str, Tensor]:
    """Sort the filters of the last layers by class name; those of new classes stay as in `own`."""
    pairs = [(place, known.index(name)) for place, name in enumerate(class_names) if name in known]
    _log.info(
        "of the %d classes %d are known already%s",
        len(class_names),
        len(pairs),
        ": " + ", ".join(class_names[place] for place, _ in pairs) if pairs else "",
    )
    sorted_tensors = dict(tensors)
    for name, value in tensors.items():
        start = own.get(name)
        if start is None or not is_of_classes(name) or value.shape[1:] != start.shape[1:]:
            continue
        rows = start.clone()
        for place, row in pairs:
            rows[place] = value[row]
        sorted_tensors[name] = rows
    return sorted_tensors
