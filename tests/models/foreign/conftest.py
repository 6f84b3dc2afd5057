"""One random ResNet-50, whose tensors the tests put under the names of others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.models.foreign import reference


@pytest.fixture(scope="session")
def resnet() -> reference.Weights:
    return reference.random_weights()


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture
def saved(tmp_path: Path):
    """Write tensors (or whatever they are wrapped in) as torch does."""

    def save(content: object, name: str = "theirs.pth") -> Path:
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return save
