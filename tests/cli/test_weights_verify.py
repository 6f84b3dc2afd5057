import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from deeplab import weights
from deeplab.cache import fetched_dir
from deeplab.registry import ELSEWHERE

Run = Callable[..., tuple[int, str, str]]


def place(name: str, content: bytes) -> Path:
    record = ELSEWHERE[name]
    path = fetched_dir() / name / record.file_name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_ours_are_right(run_weights: Run) -> None:
    code, out, _ = run_weights("verify")
    assert code == 0
    assert out.count(": right, SHA-256 ") == 3


def test_ours_that_are_damaged_end_with_exit_code_1(
    run_weights: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "voc12-lite.onnx").write_bytes(b"damaged")
    (tmp_path / "voc12-lite.safetensors").write_bytes(b"damaged")
    (tmp_path / "voc12-lite.int8.onnx").write_bytes(b"damaged")
    monkeypatch.setattr(weights, "_PUBLISHED_DIR", tmp_path)
    code, out, err = run_weights("verify", "voc12-lite")
    assert (code, out) == (1, "")
    assert err.count("damaged, SHA-256") == 3


def test_a_file_with_another_hash_than_in_its_name_is_damaged(
    run_weights: Run, own_cache: Path
) -> None:
    path = place("torchvision-resnet50-v1", b"other weights")
    for words in (("verify",), ("verify", "torchvision-resnet50-v1"), ("verify", path)):
        code, _, err = run_weights(*words)
        assert code == 1
        assert f"{path}: damaged" in err
        assert "0676ba61" in err


def test_where_no_hash_is_known_the_found_one_is_printed(run_weights: Run, own_cache: Path) -> None:
    place("kazuto1011-voc12", b"weights")
    code, out, _ = run_weights("verify", "kazuto1011-voc12")
    assert code == 0
    assert "no hash of it is known" in out
    assert hashlib.sha256(b"weights").hexdigest() in out


def test_a_file_that_changed_since_it_came_is_damaged(run_weights: Run, own_cache: Path) -> None:
    path = place("kazuto1011-voc12", b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    assert run_weights("verify", "kazuto1011-voc12")[0] == 0
    path.write_bytes(b"weight5")
    assert run_weights("verify", "kazuto1011-voc12")[0] == 1


def test_what_is_not_here_is_a_mistake_of_the_user(run_weights: Run) -> None:
    code, _, err = run_weights("verify", "kazuto1011-voc12")
    assert code == 2
    assert "not here" in err
