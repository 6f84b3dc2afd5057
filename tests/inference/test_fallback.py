import logging
from dataclasses import dataclass

import numpy as np
import pytest

from deeplab.inference import Engine, Setup
from deeplab.inference.fallback import WithFallback
from deeplab.network_card import NetworkCard

CARD = NetworkCard("any", ("a", "b"), ((0, 0, 0), (1, 1, 1)), 1, "", {})
PICTURE = np.zeros((1, 2, 3, 3), np.uint8)
TOO_WIDE = np.zeros((1, 2, 99, 3), np.uint8)


@dataclass
class Limited(Engine):
    """Scores pictures up to a width: everywhere the same."""

    score: float
    most: int
    setup: Setup | None = None
    card: NetworkCard = CARD

    def class_scores(self, pictures):
        if pictures.shape[2] > self.most:
            raise ValueError(f"{pictures.shape[2]} is too wide for {self.score}")
        return np.full((len(pictures), 2, *pictures.shape[1:3]), self.score, np.float32)


FAST, SAFE = Setup("openvino", "bf16"), Setup("onnxruntime")


def test_the_first_engine_scores_as_long_as_it_can():
    engine = WithFallback(Limited(1, 10, FAST), lambda: pytest.fail("needs no other"))
    assert (engine.class_scores(PICTURE) == 1).all()
    assert (engine.card, engine.setup) == (CARD, FAST)


def test_where_it_fails_another_takes_its_place_with_a_warning(caplog):
    engine = WithFallback(Limited(1, 10, FAST), lambda: Limited(2, 100, SAFE))
    with caplog.at_level(logging.WARNING):
        assert (engine.class_scores(TOO_WIDE) == 2).all()
    assert (engine.class_scores(PICTURE) == 2).all()
    assert engine.setup == SAFE
    assert caplog.messages == [
        "openvino bf16 fails, so onnxruntime f32 takes its place: 99 is too wide for 1"
    ]


def test_a_picture_that_neither_can_score_changes_nothing():
    engine = WithFallback(Limited(1, 10, FAST), lambda: Limited(2, 20, SAFE))
    with pytest.raises(ValueError, match="99 is too wide for 2"):
        engine.class_scores(TOO_WIDE)
    assert (engine.class_scores(PICTURE) == 1).all()
    assert engine.setup == FAST
