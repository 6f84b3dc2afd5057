import numpy as np
import pytest
import torch
from torch.nn import functional

from deeplab.models import DeepLab, MultiScale
from deeplab.preprocessing import CAFFE_VOC
from deeplab.training.loss import pixel_loss, scales_loss

VOID = 255


def random_case(stride: int = 1, size: int = 17) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of 2 crops of 3 classes at a stride, and their label maps with some void."""
    random = torch.Generator().manual_seed(0)
    side = (size - 1) // stride + 1
    scores = torch.randn(2, 3, side, side, generator=random, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, size, size), generator=random, dtype=torch.uint8)
    labels[labels == 3] = VOID
    return scores, labels


def by_hand(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Mean of -log softmax at the label over all positions that are not void, in NumPy."""
    total, count = 0.0, 0
    for crop, label_map in zip(scores.numpy(), labels.numpy(), strict=True):
        for row, column in np.argwhere(label_map != VOID):
            values = crop[:, row, column]
            total += np.log(np.exp(values).sum()) - values[label_map[row, column]]
            count += 1
    return total / count


def test_the_loss_is_the_mean_cross_entropy_of_all_that_is_not_void():
    scores, labels = random_case()
    # float64 scores, but the loss is taken in float32, as mixed precision needs it
    expected = pytest.approx(by_hand(scores, labels), rel=1e-5)
    assert pixel_loss(scores, labels, loss_stride=1).item() == expected


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_labels_are_decimated_to_the_loss_stride(stride):
    scores, labels = random_case(stride)
    expected = pytest.approx(by_hand(scores, labels[:, ::stride, ::stride]), rel=1e-5)
    assert pixel_loss(scores, labels, loss_stride=stride).item() == expected


def test_scores_are_interpolated_with_corners_on_corners():
    rows = torch.linspace(-1, 1, 17, dtype=torch.float64)[:, None]
    columns = torch.linspace(-3, 2, 17, dtype=torch.float64)[None]
    # linear in row and column: bilinear interpolation gives it back, if positions are right
    full = torch.stack([rows + columns, 2 * rows - columns, 0 * rows + 0.5 * columns])[None]
    _, labels = random_case()
    coarse = full[..., ::8, ::8]
    expected = pytest.approx(by_hand(full[..., ::2, ::2], labels[:1, ::2, ::2]), rel=1e-5)
    assert pixel_loss(coarse, labels[:1], loss_stride=2).item() == expected


def test_a_crop_that_is_void_all_over_gives_neither_loss_nor_gradient():
    scores, labels = random_case()
    scores.requires_grad_()
    loss = pixel_loss(scores, torch.full_like(labels, VOID), loss_stride=1)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(scores.grad, torch.zeros_like(scores))


def test_void_positions_get_no_gradient_and_all_others_do():
    scores, labels = random_case()
    scores.requires_grad_()
    pixel_loss(scores, labels, loss_stride=1).backward()
    has_gradient = scores.grad.abs().sum(dim=1) > 0
    assert torch.equal(has_gradient, labels != VOID)


def test_smoothing_mixes_in_the_mean_over_all_classes():
    scores, labels = random_case()
    uniform = np.mean([by_hand(scores, torch.where(labels == VOID, VOID, k)) for k in range(3)])
    expected = pytest.approx(0.9 * by_hand(scores, labels) + 0.1 * uniform, rel=1e-5)
    smoothed = pixel_loss(scores, labels, loss_stride=1, label_smoothing=0.1)
    assert smoothed.item() == expected


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_class_weights_are_those_of_torchs_loss(label_smoothing):
    torch.manual_seed(0)
    scores, labels = torch.randn(2, 5, 9, 9), torch.randint(0, 5, (2, 9, 9)).byte()
    labels[0, :3] = 255
    weights = torch.tensor([0.1, 1.0, 10.0, 0.0, 2.5])
    ours = pixel_loss(
        scores, labels, loss_stride=1, label_smoothing=label_smoothing, class_weights=weights
    )
    theirs = torch.nn.CrossEntropyLoss(
        weight=weights, ignore_index=255, label_smoothing=label_smoothing
    )
    torch.testing.assert_close(ours, theirs(scores, labels.long()))


def test_positions_without_any_weight_give_0():
    labels = torch.zeros(1, 3, 3, dtype=torch.uint8)
    weights = torch.tensor([0.0, 1.0])
    assert pixel_loss(torch.randn(1, 2, 3, 3), labels, loss_stride=1, class_weights=weights) == 0


def test_of_more_than_255_classes_class_255_is_learnt_and_void_is_65535():
    torch.manual_seed(0)
    scores = torch.randn(1, 300, 1, 3)
    labels = torch.tensor([[[255, 299, 65535]]], dtype=torch.int32)
    expected = functional.cross_entropy(scores[..., :2], torch.tensor([[[255, 299]]]))
    torch.testing.assert_close(pixel_loss(scores, labels, loss_stride=1), expected)


def multi_scale_network(scales: tuple[float, ...] = (1.0, 0.75, 0.5)) -> DeepLab:
    """Every eighth pixel is a position, and its three bands are the scores of three classes."""
    return DeepLab(
        backbone=torch.nn.AvgPool2d(1, stride=8),
        head=torch.nn.Identity(),
        preprocessing=CAFFE_VOC,
        output_stride=8,
        multi_scale=MultiScale(scales),
    )


def crops(size: int = 65) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    pictures = torch.randn(1, 3, size, size, generator=random)
    labels = torch.randint(0, 4, (1, size, size), generator=random, dtype=torch.uint8)
    labels[labels == 3] = VOID
    return pictures, labels


def test_the_four_losses_of_the_published_network_are_added():
    """SPEC of train.prototxt: loss, loss_res1, loss_res075, loss_res05, all of weight 1."""
    network = multi_scale_network()
    pictures, labels = crops()
    scores = network.score_scales(pictures)
    assert [one.shape[-1] for one in scores] == [9, 7, 5]
    upsampled = functional.interpolate(scores[1], (9, 9), mode="bilinear", align_corners=True)
    shrunk, shrunk_16 = labels[:, ::8, ::8], labels[:, ::16, ::16]
    expected = (
        by_hand(network.fuse(scores), shrunk)
        + by_hand(scores[0], shrunk)
        + by_hand(upsampled, shrunk)
        + by_hand(scores[2], shrunk_16)
    )
    got = scales_loss(network, scores, labels, loss_stride=8).item()
    assert got == pytest.approx(expected, rel=1e-5)


def test_without_other_scales_there_is_one_loss():
    network = multi_scale_network()
    network.multi_scale = None
    pictures, labels = crops()
    scores = network.score_scales(pictures)
    assert len(scores) == 1
    got = scales_loss(network, scores, labels, loss_stride=8)
    assert got == pixel_loss(scores[0], labels, loss_stride=8)


def test_each_of_the_four_losses_counts_its_own_positions():
    """A label at one position of the 16-pixel grid counts for all four, beside it for three."""
    network = multi_scale_network()
    pictures, labels = crops()
    scores = network.score_scales(pictures)
    labels.fill_(VOID)
    labels[:, 8, 8] = 1
    got = scales_loss(network, scores, labels, loss_stride=8).item()
    upsampled = functional.interpolate(scores[1], (9, 9), mode="bilinear", align_corners=True)
    at = [
        one[:, :, 1, 1].log_softmax(1)[0, 1] for one in (network.fuse(scores), scores[0], upsampled)
    ]
    assert got == pytest.approx(-sum(at).item(), rel=1e-5)


def test_four_losses_of_a_crop_that_is_void_all_over_are_0():
    network = multi_scale_network()
    pictures, labels = crops()
    scores = network.score_scales(pictures)
    assert scales_loss(network, scores, torch.full_like(labels, VOID), loss_stride=8) == 0


def test_labels_of_a_published_crop_are_decimated_as_interp_does():
    """Interp with shrink 8 on 321 pixels: src = dst * 320 / 40, whole numbers: no blending."""
    labels = torch.arange(321)[None].expand(321, 321)[None].to(torch.int32)
    positions = [dst * (321 - 1) / (41 - 1) for dst in range(41)]
    assert labels[0, 0, ::8].tolist() == positions
