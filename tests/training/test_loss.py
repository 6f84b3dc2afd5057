import numpy as np
import pytest
import torch
from torch.nn import functional

from deeplab.training.loss import pixel_loss

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
