import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.crf import reference
from torch import Tensor
from torch.nn import functional

from deeplab.crf import Bilateral, DenseCRF, Spatial
from deeplab.crf.differentiable import MeanField
from deeplab.crf.engine import Normalization

NORMALIZATIONS: tuple[Normalization, ...] = ("after", "symmetric", "before", "none")
KERNELS: dict[str, Any] = {"bilateral": Bilateral(4, 9, 12), "spatial": Spatial(3, (2, 1.5))}

# float32 sums of some hundred numbers, ten times over; the issue of agreement is 1e-5
TOLERANCE: dict[str, float] = {"rtol": 0, "atol": 1e-5}


def _batch(
    size: int = 1, height: int = 14, width: int = 12, num_classes: int = 5, channels: int = 3
) -> tuple[Tensor, Tensor]:
    """Two-coloured noisy pictures, and scores that half know the border between the colours."""
    generator = torch.Generator().manual_seed(size * height + width)
    pictures = torch.randint(0, 40, (size, channels, height, width), generator=generator)
    pictures[..., width // 2 :] += 120
    scores = torch.randn(size, num_classes, height, width, generator=generator)
    scores[:, 0, :, : width // 2] += 1
    return pictures.to(torch.uint8), scores


def _marginals(layer: MeanField, pictures: Tensor, scores: Tensor) -> Tensor:
    with torch.no_grad():
        return layer(pictures, scores).softmax(1)


def _as_picture(pictures: Tensor) -> NDArray[np.uint8]:
    return pictures[0].permute(1, 2, 0).numpy()


def _reference_marginals(
    pictures: Tensor, scores: Tensor, normalization: Normalization, energy: Any = None
) -> NDArray[np.float64]:
    size = scores.shape[2:]
    picture = _as_picture(pictures)
    bilateral = reference.pixel_features(*size, (9, 9), picture, [12] * picture.shape[2])
    spatial = reference.pixel_features(*size, (2, 1.5))
    terms = [
        reference.Term(features, weight, energy, normalization)
        for features, weight in ((bilateral, 4), (spatial, 3))
    ]
    return reference.mean_field(scores[0].numpy(), terms, 10)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_marginals_are_those_of_the_slow_lattice(normalization: Normalization) -> None:
    pictures, scores = _batch()
    layer = MeanField(**KERNELS, normalization=normalization)
    expected = torch.from_numpy(_reference_marginals(pictures, scores, normalization))
    given = _marginals(layer, pictures, scores)[0].double()
    torch.testing.assert_close(given, expected, **TOLERANCE)
    exact = _marginals(layer.double(), pictures, scores.double())[0]
    # In float64 the two differ in the order of sums only.
    torch.testing.assert_close(exact, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_pictures_of_any_channels_agree_with_the_slow_lattice(channels: int) -> None:
    pictures, scores = _batch(height=7, width=9, channels=channels)
    expected = torch.from_numpy(_reference_marginals(pictures, scores, "after"))
    given = _marginals(MeanField(**KERNELS), pictures, scores)[0].double()
    torch.testing.assert_close(given, expected, **TOLERANCE)


def test_penalties_that_are_no_potts_model_agree_with_the_slow_lattice() -> None:
    pictures, scores = _batch(num_classes=3)
    penalties = np.array([[0, 1, 0.2], [0.7, -0.1, 1], [0.3, 0.4, 0]])
    expected = torch.from_numpy(_reference_marginals(pictures, scores, "after", penalties))
    layer = MeanField(**KERNELS, compatibility=penalties)
    given = _marginals(layer, pictures, scores)[0].double()
    torch.testing.assert_close(given, expected, **TOLERANCE)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_marginals_are_those_of_the_engine(normalization: Normalization) -> None:
    pytest.importorskip("deeplab.crf._kernel", reason="the compiled kernel was not built")
    pictures, scores = _batch(height=61, width=83, num_classes=21)
    crf = DenseCRF(**KERNELS, normalization=normalization)
    expected = crf.refine(_as_picture(pictures), scores[0])
    given = _marginals(MeanField.from_crf(crf), pictures, scores)[0]
    torch.testing.assert_close(given, torch.from_numpy(expected), **TOLERANCE)


def test_several_kernels_and_penalties_are_those_of_the_engine() -> None:
    pytest.importorskip("deeplab.crf._kernel", reason="the compiled kernel was not built")
    pictures, scores = _batch(height=30, width=21, num_classes=4)
    crf = DenseCRF(
        bilateral=(Bilateral(2, (20, 9), (12, 30, 8)), Bilateral(1, 5, 40)),
        spatial=(Spatial(1, 1), Spatial(0.5, (3, 7))),
        iterations=6,
        compatibility=np.linspace(-0.3, 1, 16).reshape(4, 4),
    )
    expected = crf.refine(_as_picture(pictures), scores[0])
    given = _marginals(MeanField.from_crf(crf), pictures, scores)[0]
    torch.testing.assert_close(given, torch.from_numpy(expected), **TOLERANCE)


# pydensecrf's NO_NORMALIZATION divides by nothing at all, so it is left out here. The number of
# pixels is a multiple of 4: it fills others up with black ones at (0, 0), which add vertices.
@pytest.mark.parametrize("normalization", ["after", "symmetric", "before"])
def test_marginals_are_those_of_pydensecrf(normalization: Normalization) -> None:
    densecrf = pytest.importorskip("pydensecrf.densecrf", reason="pydensecrf is not installed")
    pictures, scores = _batch(height=60, width=80, num_classes=21)
    theirs = densecrf.DenseCRF2D(80, 60, 21)
    theirs.setUnaryEnergy(np.ascontiguousarray(-scores[0].reshape(21, -1).numpy()))
    kind = getattr(densecrf, f"NORMALIZE_{normalization.upper()}")
    theirs.addPairwiseGaussian(sxy=(2, 1.5), compat=3, normalization=kind)
    picture = np.ascontiguousarray(_as_picture(pictures))
    theirs.addPairwiseBilateral(sxy=9, srgb=12, rgbim=picture, compat=4, normalization=kind)
    expected = torch.tensor(np.array(theirs.inference(10))).view(21, 60, 80)
    given = _marginals(MeanField(**KERNELS, normalization=normalization), pictures, scores)[0]
    torch.testing.assert_close(given, expected, **TOLERANCE)


def _check_gradients(layer: MeanField, *, num_classes: int) -> None:
    pictures, scores = _batch(2, 3, 4, num_classes)
    layer = layer.double()
    names = [name for name, _ in layer.named_parameters()]

    def refine(scores: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(layer, given, (pictures, scores))

    inputs = [scores.double(), *(parameter.detach() for parameter in layer.parameters())]
    assert torch.autograd.gradcheck(refine, [value.requires_grad_() for value in inputs])


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_gradients_towards_scores_and_weights_pass_a_numerical_check(
    normalization: Normalization,
) -> None:
    _check_gradients(MeanField(**KERNELS, iterations=3, normalization=normalization), num_classes=2)


@pytest.mark.parametrize("save_memory", [False, True])
def test_gradients_of_all_that_can_be_learnt_pass_a_numerical_check(save_memory: bool) -> None:
    layer = MeanField(
        **KERNELS,
        iterations=2,
        num_classes=3,
        learn_compatibility=True,
        weights_per_class=True,
        save_memory=save_memory,
    )
    _check_gradients(layer, num_classes=3)


def test_a_batch_equals_its_pictures_one_by_one() -> None:
    pictures, scores = _batch(3)
    layer = MeanField(**KERNELS)
    singles = [layer(*one) for one in zip(pictures.unsqueeze(1), scores.unsqueeze(1), strict=True)]
    assert torch.equal(layer(pictures, scores), torch.cat(singles))


def test_permuting_classes_permutes_the_result() -> None:
    pictures, scores = _batch()
    layer = MeanField(**KERNELS)
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(
        _marginals(layer, pictures, scores[:, order]),
        _marginals(layer, pictures, scores)[:, order],
        # the softmax adds classes in another order
        rtol=0,
        atol=1e-6,
    )


def test_kernels_of_weight_0_leave_scores_alone() -> None:
    pictures, scores = _batch()
    layer = MeanField(bilateral=Bilateral(0, 9, 12), spatial=Spatial(0, 2))
    assert torch.equal(layer(pictures, scores), scores)


def test_no_iterations_leave_scores_alone() -> None:
    pictures, scores = _batch(2)
    assert torch.equal(MeanField(iterations=0)(pictures, scores), scores)


def test_adding_to_all_scores_of_a_pixel_leaves_marginals_alone() -> None:
    pictures, scores = _batch()
    layer = MeanField(**KERNELS).double()
    shifted = scores + 10 * torch.rand(1, 1, *scores.shape[2:], dtype=torch.float64)
    torch.testing.assert_close(
        _marginals(layer, pictures, shifted), _marginals(layer, pictures, scores.double())
    )


def test_potts_penalties_and_equal_weights_per_class_change_nothing_at_first() -> None:
    pictures, scores = _batch()
    plain = MeanField(**KERNELS)
    general = MeanField(**KERNELS, num_classes=5, learn_compatibility=True, weights_per_class=True)
    torch.testing.assert_close(
        _marginals(general, pictures, scores), _marginals(plain, pictures, scores), **TOLERANCE
    )


def test_floating_point_pictures_mean_the_same_as_bytes() -> None:
    pictures, scores = _batch()
    layer = MeanField(**KERNELS)
    refined = layer(pictures, scores)
    assert torch.equal(layer(pictures.float(), scores), refined)
    assert torch.equal(layer(pictures.double(), scores), refined)


def test_a_label_that_is_excluded_stays_out_and_gradients_stay_finite() -> None:
    pictures, scores = _batch()
    scores[:, 1] = -math.inf
    scores.requires_grad_()
    refined = MeanField(**KERNELS)(pictures, scores)
    functional.cross_entropy(refined, torch.zeros(1, 14, 12, dtype=torch.long)).backward()
    assert refined.softmax(1)[:, 1].max() == 0
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_half_precision_scores_are_refined_in_float32() -> None:
    pictures, scores = _batch()
    layer = MeanField(**KERNELS, num_classes=5, learn_compatibility=True)
    half = scores.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        refined = layer(pictures, half)
    assert refined.dtype == torch.float32
    assert torch.equal(refined, layer(pictures, half.float()))


def test_training_works_after_inference_mode_of_the_same_size() -> None:
    pictures, scores = _batch(height=13, width=11)  # of no other test, so that nothing is cached
    layer = MeanField(**KERNELS)
    with torch.inference_mode():
        expected = layer(pictures.float(), scores)
    refined = layer(pictures, scores)
    refined.sum().backward()
    assert torch.equal(refined, expected)


def test_saving_memory_changes_no_gradient_and_keeps_less() -> None:
    pictures, scores = _batch()
    target = torch.zeros(1, 14, 12, dtype=torch.long)
    gradients, kept_bytes = [], []
    for save_memory in (False, True):
        layer = MeanField(**KERNELS, iterations=5, save_memory=save_memory)
        kept: dict[int, int] = {}

        def remember(tensor: Tensor, kept: dict[int, int] = kept) -> Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
            loss = functional.cross_entropy(layer(pictures, scores), target)
        kept_bytes.append(sum(kept.values()))
        loss.backward()
        gradients.append(layer.kernel_weights.grad)
    assert torch.equal(*gradients)
    assert kept_bytes[1] < kept_bytes[0] / 2


def test_training_learns_weights_and_penalties_that_lower_the_loss() -> None:
    # Two noisy halves of a picture, of which a smoothing CRF can remove most of the noise; and
    # class 2, which the scores prefer by mistake, never lies next to class 1.
    pictures, scores = _batch(1, 16, 16, 3)
    target = torch.zeros(1, 16, 16, dtype=torch.long)
    target[..., 8:] = 1
    scores = functional.one_hot(target, 3).permute(0, 3, 1, 2) + scores
    layer = MeanField(
        bilateral=Bilateral(0.1, 9, 30),
        spatial=Spatial(0.1, 2),
        iterations=3,
        num_classes=3,
        learn_compatibility=True,
    )
    before = copy.deepcopy(layer.state_dict())
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(15):
        loss = functional.cross_entropy(layer(pictures, scores), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert all(not torch.equal(before[name], value) for name, value in layer.state_dict().items())


def test_a_state_dict_holds_weights_and_penalties_and_nothing_else() -> None:
    layer = MeanField(num_classes=4, learn_compatibility=True, weights_per_class=True)
    shapes = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    assert shapes == {"kernel_weights": (2, 4), "compatibility": (4, 4)}
    assert [*MeanField().state_dict()] == ["kernel_weights"]
    assert [name for name, _ in MeanField(compatibility=np.eye(2)).named_parameters()] == [
        "kernel_weights"
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accuracy": "dilated"}, "accuracy='dilated': a MeanField has no such choice"),
        ({"precision": "half"}, "precision='half': .*replace"),
        ({"tolerance": 0.1}, r"tolerance=0\.1: "),
    ],
)
def test_what_a_crf_does_and_the_layer_does_not_is_an_error(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MeanField.from_crf(replace(DenseCRF(), **change))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learn_compatibility": True}, "num_classes is missing"),
        ({"weights_per_class": True}, "num_classes is missing"),
        ({"num_classes": 0}, "num_classes=0: give at least 1"),
        ({"num_classes": 3, "compatibility": np.eye(2)}, "num_classes=3, .* is for 2"),
        ({"normalization": "mean"}, "normalization='mean'"),
        ({"iterations": -1}, "iterations=-1"),
    ],
)
def test_settings_that_do_not_fit_are_errors(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MeanField(**settings)


PICTURES, SCORES = _batch(2)


@pytest.mark.parametrize(
    ("pictures", "scores", "message"),
    [
        (PICTURES[0], SCORES, r"pictures \(3, 14, 12\) and scores .*: give \(B, C, H, W\)"),
        (PICTURES, SCORES[:1], "with the same B, H and W"),
        (PICTURES, SCORES[..., ::2, ::2], "have to be upsampled first"),
        (PICTURES[:0], SCORES[:0], "are empty"),
        (PICTURES, SCORES[:, :0], "are empty"),
        (PICTURES, SCORES.long(), r"scores of torch\.int64"),
        (PICTURES, SCORES[:, :4], "was made for 5 classes"),
        (PICTURES, SCORES.to("meta"), "scores on meta, .* on cpu"),
        (PICTURES.long(), SCORES, r"pictures of torch\.int64"),
        (PICTURES / 127.5 - 1, SCORES, r"from -1 to .*: give 0\.\.255"),
        (PICTURES * math.nan, SCORES, "from nan to nan"),
        (PICTURES[:, :2], SCORES, "rgb has 3 deviations, the picture 2 channels"),
    ],
)
def test_input_that_does_not_fit_is_an_error(
    pictures: Tensor, scores: Tensor, message: str
) -> None:
    layer = MeanField(bilateral=Bilateral(1, 9, (9, 9, 9)), num_classes=5)
    with pytest.raises(ValueError, match=message):
        layer(pictures, scores)


def test_a_deviation_too_small_for_float32_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"Spatial: deviation 1e-06 of x is too small"):
        MeanField(spatial=Spatial(1, 1e-6))(PICTURES, SCORES)
