"""Evaluations made of random label maps, without any network."""

from pathlib import Path

import numpy as np

from deeplab.data import Sample
from deeplab.evaluation import Evaluation, PictureResult
from deeplab.evaluation.tally import Tally
from deeplab.labels import VOID

NAMES = ("background", "cat", "dog", "never")


def make_sample(name: str) -> Sample:
    return Sample(name, Path(f"{name}.jpg"), Path(f"{name}.png"))


def make_result(seed: int, *, name: str = "picture", skill: float = 0.6) -> PictureResult:
    """A label map of three classes with void, guessed right at a part of the pixels."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, (12, 15), dtype=np.uint8)
    guess = rng.integers(0, 3, truth.shape, dtype=np.uint8)
    labels = np.where(rng.random(truth.shape) < skill, truth, guess)
    confidence = rng.random(truth.shape, dtype=np.float32)
    truth[rng.random(truth.shape) < 0.1] = VOID
    return PictureResult(name, truth, labels, confidence)


def make_evaluation(
    skills: list[float], *, convention="devkit", measures=(), names=NAMES, noise=0
) -> Evaluation:
    """One picture for each skill; the same pictures whatever the skills, if the noise is 0."""
    tally = Tally(names, measures, convention)
    for number, skill in enumerate(skills):
        sample = make_sample(f"p{number}")
        result = make_result(number + noise, name=sample.name, skill=skill)
        tally.add(sample, tally.count(result))
    return tally.read()
