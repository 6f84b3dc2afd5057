import dataclasses

import numpy as np
import pytest

from deeplab.export.loss import Loss, Probe, measure_loss
from deeplab.inference import Engine
from deeplab.labels import named
from deeplab.network_card import NetworkCard

NAMES = ("r", "g", "b")


class PixelEngine(Engine):
    """Scores a pixel by its red, green and blue; then whatever `change` does to the scores."""

    card = NetworkCard("pixels", NAMES, named(NAMES).palette, 1, "", {})

    def __init__(self, change=lambda scores: scores):
        self.change = change

    def class_scores(self, pictures):
        return self.change(pictures.transpose(0, 3, 1, 2).astype(np.float32))


def probes(*, labelled=True):
    """Pictures whose true labels are their brightest bands."""
    pictures = [
        np.random.default_rng(seed).integers(0, 256, (9, 11, 3), dtype=np.uint8) for seed in (0, 1)
    ]
    return [
        Probe(
            "noise",
            lambda picture=picture: picture,
            (lambda picture=picture: picture.argmax(axis=2).astype(np.uint8)) if labelled else None,
        )
        for picture in pictures
    ]


def without_blue(scores):
    return scores * np.array([1, 1, 0], np.float32)[:, None, None]


def test_equal_networks_lose_nothing():
    told = []
    loss = measure_loss(PixelEngine(), PixelEngine(), probes(), progress=lambda *n: told.append(n))
    assert (loss.miou_before, loss.miou_after, loss.same_labels) == (1, 1, 1)
    assert loss.miou_change == 0
    assert told == [(1, 2), (2, 2)]
    loss.check(0)


def test_a_loss_is_measured_against_the_true_labels_and_against_the_network():
    loss = measure_loss(PixelEngine(without_blue), PixelEngine(), probes())
    pictures = np.stack([probe.read_picture() for probe in probes()])
    truth, found = pictures.argmax(axis=3), pictures[..., :2].argmax(axis=3)
    shares = [
        ((truth == k) & (found == k)).sum() / ((truth == k) | (found == k)).sum() for k in range(3)
    ]
    assert loss.miou_after == pytest.approx(np.mean(shares))
    assert loss.same_labels == pytest.approx((truth == found).mean())


def test_without_label_maps_only_the_labels_that_stay_are_counted():
    loss = measure_loss(PixelEngine(without_blue), PixelEngine(), probes(labelled=False))
    assert loss.miou_before is loss.miou_after is loss.miou_change is None
    assert 0.5 < loss.same_labels < 0.8


LOST = Loss(num_pictures=9, same_labels=0.95, miou_before=0.7, miou_after=0.685, speed=2)


@pytest.mark.parametrize(
    ("loss", "allowed", "accepted", "message"),
    [
        (LOST, 1.6, 1.4, r"falls by 1\.50 points, from 70\.00 to 68\.50 .*--accept-loss 1\.[56]"),
        (
            dataclasses.replace(LOST, miou_before=None, miou_after=None),
            5.1,
            4.9,
            r"5\.00 % of the labels change .*--accept-loss 5",
        ),
    ],
    ids=["labelled", "unlabelled"],
)
def test_a_loss_is_refused_until_it_is_accepted(loss, allowed, accepted, message):
    loss.check(allowed)
    for points in (None, accepted):
        with pytest.raises(ValueError, match=message):
            loss.check(points)


@pytest.mark.parametrize(
    "loss",
    [
        dataclasses.replace(LOST, miou_after=0.695),
        dataclasses.replace(LOST, miou_after=0.75),
        dataclasses.replace(LOST, miou_before=None, miou_after=None, same_labels=0.98),
    ],
)
def test_a_small_loss_and_a_gain_are_accepted(loss):
    loss.check()


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="falls by nan"):
        dataclasses.replace(LOST, miou_after=float("nan")).check(50)
