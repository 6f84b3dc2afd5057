from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deeplab import registry
from deeplab.cache import fetched_dir
from deeplab.registry import DATA_SETS, ELSEWHERE, DataSet

Run = Callable[..., tuple[int, str, str]]


def names(out: str) -> list[str]:
    return [line.split("\t")[0] for line in out.splitlines()]


def test_all_are_listed_and_ours_come_first(run_weights: Run) -> None:
    code, out, _ = run_weights("list")
    assert code == 0
    assert names(out) == ["voc12-lite", *ELSEWHERE]
    assert all(line.count("\t") == 5 for line in out.splitlines())


def test_a_line_says_who_measured_what(run_weights: Run) -> None:
    _, out, _ = run_weights("list", "--layout", "kazuto1011-msc", "--classes", "21")
    assert out == (
        "kazuto1011-voc12\tResNet-101, MSC, ASPP-L\t21\t"
        "76.65 % (kazuto1011: VOC 2012 val, no CRF)\t-\t-\n"
    )


def test_what_was_fetched_is_here(run_weights: Run, own_cache: Path) -> None:
    record = ELSEWHERE["kazuto1011-voc12"]
    path = fetched_dir() / record.name / record.file_name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"0" * 2_000_000)
    _, out, _ = run_weights("list", "--layout", "kazuto1011-msc", "--classes", "21")
    assert out.endswith("\t2.0 MB\tfetched\n")


def test_only_what_is_free_to_use_is_ok(run_weights: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    free = DataSet("Free", "CC0", "https://example.org", commercial_ok=True)
    record = replace(ELSEWHERE["kazuto1011-voc12"], name="free-net", trained_on=("free",))
    monkeypatch.setitem(DATA_SETS, "free", free)
    monkeypatch.setitem(registry.ELSEWHERE, "free-net", record)
    _, out, _ = run_weights("list", "--commercial-ok")
    assert names(out) == ["free-net"]


def test_where_none_is_ok_it_says_why(run_weights: Run) -> None:
    code, out, err = run_weights("list", "--commercial-ok")
    assert (code, out) == (0, "")
    assert "do not clearly allow commercial use" in err


def test_an_unknown_layout_lists_those_there_are(run_weights: Run) -> None:
    _, out, err = run_weights("list", "--layout", "darknet")
    assert out == ""
    assert "layouts: adaptsegnet, adaptsegnet-vgg, caffe-resnet" in err


def test_a_damaged_import_does_not_hide_the_others(run_weights: Run, own_cache: Path) -> None:
    (own_cache / "imported").mkdir(parents=True)
    (own_cache / "imported" / "broken.safetensors").write_bytes(b"damaged")
    code, out, _ = run_weights("list")
    assert code == 0
    assert names(out) == ["voc12-lite", "broken", *ELSEWHERE]
    assert "cannot be read" in out
