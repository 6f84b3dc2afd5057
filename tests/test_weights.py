import hashlib
from pathlib import Path

import pytest

from deeplab import weights
from deeplab.weights import PublishedWeights, integer_path, resolve_checkpoint, resolve_network


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PublishedWeights:
    """One published network, whose files hold a few bytes."""
    contents = {
        "pets.onnx": b"network",
        "pets.safetensors": b"checkpoint",
        "pets.int8.onnx": b"integers",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    record = PublishedWeights(
        name="pets-lite",
        network_file="pets.onnx",
        network_sha256=hashlib.sha256(contents["pets.onnx"]).hexdigest(),
        checkpoint_file="pets.safetensors",
        checkpoint_sha256=hashlib.sha256(contents["pets.safetensors"]).hexdigest(),
        num_classes=2,
        preprocessing="none",
        recipe="pets",
        miou=0.5,
        score_protocol="none",
        integer_sha256=hashlib.sha256(contents["pets.int8.onnx"]).hexdigest(),
    )
    monkeypatch.setattr(weights, "PUBLISHED", {record.name: record})
    monkeypatch.setattr(weights, "_PUBLISHED_DIR", tmp_path)
    return record


def test_a_published_name_leads_to_its_checked_files(
    published: PublishedWeights, tmp_path: Path
) -> None:
    assert resolve_network("pets-lite") == tmp_path / "pets.onnx"
    assert resolve_checkpoint("pets-lite") == tmp_path / "pets.safetensors"


def test_damaged_published_files_are_refused(published: PublishedWeights, tmp_path: Path) -> None:
    (tmp_path / "pets.onnx").write_bytes(b"netwerk")
    with pytest.raises(ValueError, match=r"damaged.*install deeplabkit again"):
        resolve_network("pets-lite")


def test_missing_published_files_are_reported(published: PublishedWeights, tmp_path: Path) -> None:
    (tmp_path / "pets.safetensors").unlink()
    with pytest.raises(ValueError, match="missing; install deeplabkit again"):
        resolve_checkpoint("pets-lite")


def test_the_published_network_in_integers_is_checked_too(
    published: PublishedWeights, tmp_path: Path
) -> None:
    network_path, path = tmp_path / "pets.onnx", tmp_path / "pets.int8.onnx"
    assert integer_path(network_path) == path
    path.write_bytes(b"integerz")
    with pytest.raises(ValueError, match=r"damaged.*install deeplabkit again"):
        integer_path(network_path)
    path.unlink()
    assert integer_path(network_path) is None


def test_an_existing_path_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"")
    assert resolve_network(str(path)) == path
    assert resolve_checkpoint(path) == path


def test_a_mistyped_name_tells_its_nearest(published: PublishedWeights) -> None:
    with pytest.raises(ValueError, match=r"'pets-light': neither.*did you mean 'pets-lite'\?"):
        resolve_network("pets-light")


def test_an_imported_name_leads_to_its_files(own_cache: Path) -> None:
    folder = own_cache / "imported"
    folder.mkdir(parents=True)
    (folder / "mine.v2.onnx").write_bytes(b"")
    assert resolve_network("mine.v2") == folder / "mine.v2.onnx"
    assert weights.is_weights_name("mine.v2")
    with pytest.raises(ValueError, match=r"imported without its \.safetensors file"):
        resolve_checkpoint("mine.v2")


def test_published_names_come_before_imported_ones(
    published: PublishedWeights, own_cache: Path, tmp_path: Path
) -> None:
    (own_cache / "imported").mkdir(parents=True)
    (own_cache / "imported" / "pets-lite.onnx").write_bytes(b"")
    assert resolve_network("pets-lite") == tmp_path / "pets.onnx"


@pytest.mark.parametrize("name", ["../mine", "a/b", "", ".hidden", "mine.onnx"])
def test_a_path_is_never_taken_for_an_imported_name(name: str, own_cache: Path) -> None:
    (own_cache / "imported").mkdir(parents=True)
    (own_cache / "mine.onnx").write_bytes(b"")
    assert weights.imported_file(name, ".onnx") is None


def test_what_is_published_elsewhere_says_how_to_get_it(own_cache: Path) -> None:
    with pytest.raises(ValueError, match="`deeplab weights fetch kazuto1011-voc12`, then"):
        resolve_network("kazuto1011-voc12")


def test_a_folder_is_no_weight_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is a folder; give the \.onnx file"):
        resolve_network(tmp_path)


@pytest.mark.weights
def test_every_published_network_is_there_and_undamaged() -> None:
    assert weights.DEFAULT in weights.PUBLISHED
    for name, record in weights.PUBLISHED.items():
        assert name == record.name
        assert resolve_network(name).suffix == ".onnx"
        assert resolve_checkpoint(name).suffix == ".safetensors"
        assert (integer_path(resolve_network(name)) is not None) == bool(record.integer_sha256)
