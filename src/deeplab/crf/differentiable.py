"""The fully connected CRF as a torch layer to train through: mean field as a recurrent network.

Reference: Zheng et al., "Conditional Random Fields as Recurrent Neural Networks", arXiv 1502.03240,
section 4; the CRF is that of DeepLab v2, arXiv 1606.00915, section 3.3.
Shapes: B pictures, C their channels, K classes, T kernels. Shape suffixes: N = H W pixels of one
picture.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from deeplab.crf.dense_crf import DenseCRF
from deeplab.crf.engine import Normalization
from deeplab.crf.inputs import check_coordinates
from deeplab.crf.parameters import PRESETS, Bilateral, Spatial
from deeplab.crf.torch_kernel import TorchKernel, build_kernel


class MeanField(nn.Module):
    """Refine class scores by mean field iterations that gradients flow through.

    Computes what `DenseCRF` does, on any device and for any number of classes and channels. Learnt
    are `kernel_weights`, one per kernel, bilateral ones first, (T,), or one per kernel and class,
    (T, K); and, if wanted, `compatibility` (K, K). `kernel_weights.requires_grad_(False)` keeps the
    weights as they are. There are no gradients towards the pictures or the kernels' deviations.

    Args:
        bilateral: As of `DenseCRF`.
        spatial: As of `DenseCRF`. What it needs depends on the pictures' size only; the last few
            sizes are kept.
        iterations: As of `DenseCRF`. CRF-RNN was trained with 5 and then run with 10.
        normalization: As of `DenseCRF`.
        compatibility: As of `DenseCRF`: penalties (K, K); none means 1 for different labels.
        num_classes: K; needed to learn something per class, otherwise any K will do.
        learn_compatibility: Learn the penalties, starting with `compatibility`.
        weights_per_class: Learn kernel weights for each class, as CRF-RNN does.
        save_memory: Keep only the scores between iterations for the backward pass, and compute
            the rest again there.

    Raises:
        ValueError: A value that is not allowed, or is missing.
    """

    kernel_weights: Tensor
    compatibility: Tensor | None

    def __init__(
        self,
        *,
        bilateral: Bilateral | tuple[Bilateral, ...] = PRESETS["resnet101"][0],
        spatial: Spatial | tuple[Spatial, ...] = PRESETS["resnet101"][1],
        iterations: int = 10,
        normalization: Normalization = "after",
        compatibility: Sequence[Sequence[float]] | NDArray[Any] | None = None,
        num_classes: int | None = None,
        learn_compatibility: bool = False,
        weights_per_class: bool = False,
        save_memory: bool = False,
    ) -> None:
        super().__init__()
        crf = DenseCRF(bilateral, spatial, iterations, normalization, compatibility)  # checks them
        self.terms = _terms(crf)
        self.iterations = crf.iterations
        self.normalization = crf.normalization
        self.save_memory = save_memory
        penalties = None
        if crf.compatibility is not None:
            penalties = torch.tensor(np.asarray(crf.compatibility), dtype=torch.float32)
        self.num_classes = _num_classes(num_classes, penalties)
        weights = torch.tensor([term.weight for term in self.terms])
        if weights_per_class:
            weights = weights.unsqueeze(1).repeat(1, self._known_num_classes())
        self.kernel_weights = nn.Parameter(weights)
        if learn_compatibility:
            if penalties is None:
                penalties = 1 - torch.eye(self._known_num_classes())
            self.compatibility = nn.Parameter(penalties)
        else:
            self.register_buffer("compatibility", penalties)

    @classmethod
    def from_crf(
        cls,
        crf: DenseCRF,
        *,
        num_classes: int | None = None,
        learn_compatibility: bool = False,
        weights_per_class: bool = False,
        save_memory: bool = False,
    ) -> Self:
        """Make a layer that starts out as a CRF with the same numbers.

        Args:
            crf: Its threads and variant do not matter here.
            num_classes: As of `MeanField`, like those that follow.
            learn_compatibility: See there.
            weights_per_class: See there.
            save_memory: See there.

        Raises:
            ValueError: The CRF's accuracy, precision or tolerance is not the default.
        """
        for name in ("accuracy", "precision", "tolerance"):
            given, allowed = getattr(crf, name), getattr(DenseCRF, name)
            if given != allowed:
                raise ValueError(
                    f"{name}={given!r}: a MeanField has no such choice, it always computes with "
                    f"{name}={allowed!r}; use dataclasses.replace(crf, {name}={allowed!r})"
                )
        return cls(
            bilateral=crf.bilateral,
            spatial=crf.spatial,
            iterations=crf.iterations,
            normalization=crf.normalization,
            compatibility=crf.compatibility,
            num_classes=num_classes,
            learn_compatibility=learn_compatibility,
            weights_per_class=weights_per_class,
            save_memory=save_memory,
        )

    def forward(self, pictures: Tensor, scores: Tensor) -> Tensor:
        """Refine class scores.

        Args:
            pictures: (B, C, H, W), uint8 or floating point, 0..255 (not 0..1, and before any mean
                is subtracted); RGB, or any channels.
            scores: Class scores before softmax, (B, K, H, W), on the same device. They are widened
                to float32 at least, also under autocast.

        Returns:
            Class scores again (B, K, H, W), float32 or float64, which a cross entropy takes as they
            are; their softmax over K is the marginals.

        Raises:
            ValueError: Other shapes, types, ranges or devices.
        """
        self._check(pictures, scores)
        dtype = torch.promote_types(scores.dtype, torch.float32)
        with torch.autocast(scores.device.type, enabled=False):
            return torch.stack(
                [
                    self._refine(picture, its_scores.to(dtype))
                    for picture, its_scores in zip(pictures, scores, strict=True)
                ]
            )

    def extra_repr(self) -> str:
        """Show the kernels and how they are applied."""
        terms = ", ".join(map(repr, self.terms))
        return f"{terms}, iterations={self.iterations}, normalization={self.normalization!r}"

    def _refine(self, picture: Tensor, scores: Tensor) -> Tensor:
        """Refine the scores (K, H, W) of one picture (C, H, W)."""
        dtype = scores.dtype
        kernels = [build_kernel(term, picture, self.normalization, dtype) for term in self.terms]
        scales = [
            weight * kernel.receive_scale
            for weight, kernel in zip(self.kernel_weights.to(dtype), kernels, strict=True)
        ]
        scores_NK = scores.permute(1, 2, 0).flatten(0, 1).contiguous()
        refined_NK = scores_NK
        for _ in range(self.iterations):
            step = (refined_NK, scores_NK, kernels, scales)
            if self.save_memory and torch.is_grad_enabled():
                refined_NK = checkpoint(self._iterate, *step, use_reentrant=False)
            else:
                refined_NK = self._iterate(*step)
        return refined_NK.view(*scores.shape[1:], -1).permute(2, 0, 1)

    def _iterate(
        self,
        refined_NK: Tensor,
        scores_NK: Tensor,
        kernels: Sequence[TorchKernel],
        scales: Sequence[Tensor],
    ) -> Tensor:
        """Let all pixels exchange messages once."""
        marginals_NK = refined_NK.softmax(dim=1)
        penalties = self.compatibility
        # Potts: what others say for a label speaks for it; the rest is the same for all labels.
        sum_NK = scores_NK if penalties is None else torch.zeros_like(scores_NK)
        for kernel, scale in zip(kernels, scales, strict=True):
            filtered_NK = kernel.filter(marginals_NK)
            # Fresh memory is not cheap on a CPU: what nobody needs for a gradient is written over.
            reused_NK = None if torch.is_grad_enabled() else filtered_NK
            sum_NK = torch.addcmul(sum_NK, scale, filtered_NK, out=reused_NK)
        return sum_NK if penalties is None else scores_NK - sum_NK @ penalties.to(sum_NK.dtype).T

    def _known_num_classes(self) -> int:
        if self.num_classes is None:
            raise ValueError("num_classes is missing: to learn something per class, say how many")
        return self.num_classes

    def _check(self, pictures: Tensor, scores: Tensor) -> None:
        given = f"pictures {tuple(pictures.shape)} and scores {tuple(scores.shape)}"
        is_batch = pictures.ndim == scores.ndim == 4
        if not is_batch or any(pictures.shape[i] != scores.shape[i] for i in (0, 2, 3)):
            raise ValueError(
                f"{given}: give (B, C, H, W) and (B, K, H, W) with the same B, H and W; class "
                "scores of a coarser grid have to be upsampled first"
            )
        if not (pictures.numel() and scores.numel()):
            raise ValueError(f"{given} are empty: give at least one picture and pixel")
        if not scores.is_floating_point():
            raise ValueError(f"scores of {scores.dtype}: give class scores, floating point")
        if self.num_classes not in (None, scores.shape[1]):
            raise ValueError(f"{given}: this MeanField was made for {self.num_classes} classes")
        if not pictures.device == scores.device == self.kernel_weights.device:
            raise ValueError(
                f"pictures are on {pictures.device}, scores on {scores.device}, this MeanField on "
                f"{self.kernel_weights.device}: move them to one device with .to()"
            )
        _check_range(pictures)
        no_channels = np.empty((*pictures.shape[2:], 0), np.uint8)  # only its size is looked at
        for term in self.terms:
            deviations = term.deviations(pictures.shape[1])
            check_coordinates(no_channels, deviations, kind=type(term).__name__)


def _terms(crf: DenseCRF) -> tuple[Bilateral | Spatial, ...]:
    bilateral = crf.bilateral if isinstance(crf.bilateral, tuple) else (crf.bilateral,)
    spatial = crf.spatial if isinstance(crf.spatial, tuple) else (crf.spatial,)
    return (*bilateral, *spatial)


def _num_classes(given: int | None, penalties: Tensor | None) -> int | None:
    """Settle for how many classes a layer is; None is any."""
    if given is not None and given < 1:
        raise ValueError(f"num_classes={given}: give at least 1")
    known = given if penalties is None else len(penalties)
    if given not in (None, known):
        raise ValueError(
            f"num_classes={given}, but compatibility is for {known}: leave num_classes out"
        )
    return known


def _check_range(pictures: Tensor) -> None:
    if pictures.dtype == torch.uint8:
        return
    if not pictures.is_floating_point():
        raise ValueError(f"pictures of {pictures.dtype}: give uint8 or floating point, 0..255")
    low, high = (value.item() for value in pictures.aminmax())
    if not (low >= 0 and high <= 255):  # NaN fails this, too
        raise ValueError(
            f"pictures hold values from {low:g} to {high:g}: give 0..255, from before a mean was "
            "subtracted or a deviation divided by; clip what resampling has overshot"
        )
