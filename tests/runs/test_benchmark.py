from pathlib import Path

import pytest

from deeplab.inference import PLAIN, Setup, open_engine
from deeplab.runs.benchmark import benchmark

pytestmark = pytest.mark.usefixtures("own_cache")


def test_every_size_is_timed_under_every_load_so_often(network_path: Path) -> None:
    told: list[tuple[int, int]] = []
    timed = benchmark(
        network_path,
        engines=["onnxruntime"],
        sizes=[(5, 9), (8, 4)],
        loads=[(1, 1), (1, 2)],
        rounds=3,
        progress=lambda done, total: told.append((done, total)),
    )
    asked = [(timing.load, timing.size) for timing in timed.timings]
    assert asked == [((1, 1), (5, 9)), ((1, 1), (8, 4)), ((1, 2), (5, 9)), ((1, 2), (8, 4))]
    for timing in timed.timings:
        assert len(timing.seconds) == 3
        assert (timing.setup, timing.ratio, timing.same_labels) == (PLAIN, 1.0, 1.0)
    assert told == [(number, 4) for number in (1, 2, 3, 4)]
    assert set(timed.choices) == {(1, 1), (1, 2)}


def test_what_was_found_is_what_auto_takes_from_then_on(network_path: Path) -> None:
    pytest.importorskip("openvino", reason="the openvino extra")
    timed = benchmark(network_path, sizes=[(33, 33)], loads=[(1, 2)], rounds=1)
    assert [timing.setup for timing in timed.timings][:2] == [PLAIN, Setup("openvino")]
    one, many = timed.choices[1, 2]
    assert open_engine(network_path, threads=1, workers=2, num_pictures=1).setup == one.setup
    assert open_engine(network_path, threads=1, workers=2).setup == many.setup


def test_a_benchmark_of_some_engines_is_not_remembered(network_path: Path, own_cache: Path) -> None:
    benchmark(network_path, engines=["onnxruntime"], sizes=[(5, 5)], rounds=1)
    assert not own_cache.exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": [(0, 9)]}, "size 9x0: give WIDTHxHEIGHT"),
        ({"rounds": 0}, "rounds 0: give 1 or more"),
        ({"engines": ["onnxruntime"], "precisions": ["bf16"]}, "none of the engines onnxruntime"),
    ],
)
def test_settings_out_of_range_are_refused(
    settings: dict[str, object], message: str, network_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        benchmark(network_path, **settings)
