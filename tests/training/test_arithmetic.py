import pytest

from deeplab.training import arithmetic as module
from deeplab.training.arithmetic import arithmetic
from deeplab.training.config import TrainConfig


def test_float32_is_what_it_says() -> None:
    assert arithmetic(TrainConfig(precision="32-true", accelerator="cpu")) == "32-true"


@pytest.mark.parametrize(("has_it", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_bfloat16_is_taken_where_the_processor_has_it(monkeypatch, has_it, expected) -> None:
    monkeypatch.setattr(module, "_has_bfloat16", lambda: has_it)
    assert arithmetic(TrainConfig(precision="bf16-mixed", accelerator="cpu")) == expected


def test_other_devices_take_bfloat16_as_asked(monkeypatch) -> None:
    monkeypatch.setattr(module, "_has_bfloat16", lambda: False)
    config = TrainConfig(precision="bf16-mixed", accelerator="cuda")
    assert arithmetic(config) == "bf16-mixed"
