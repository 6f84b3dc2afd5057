import hashlib
import io
import tarfile
from collections.abc import Iterator

import pytest
from tests.served import Server, serve

from deeplab.data.prepare import SETS, Archive

pytest.importorskip("torchvision", reason="archives are unpacked by torchvision (extra train)")

from deeplab.data.download import fetch_all, fetch_set


def tell_nothing(done: int, total: int) -> None:
    pass


def make_tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        content = bytes(range(256)) * 20_000  # 5 MB: several chunks
        info = tarfile.TarInfo("VOCdevkit/a.bin")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


TAR = make_tar()


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(TAR, "a.tar") as served:
        yield served


def archive(server: Server, content: bytes = TAR, name: str = "a.tar") -> Archive:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Archive(f"http://127.0.0.1:{server.server_port}/{name}", md5)


def test_an_archive_is_fetched_checked_and_unpacked_once(server, tmp_path):
    told = []
    folder = tmp_path / "deep" / "er"
    fetch_all([archive(server)], folder, tell=lambda *numbers: told.append(numbers))
    assert (folder / "VOCdevkit" / "a.bin").stat().st_size == 256 * 20_000
    assert told[-1] == (5, 5)
    fetch_all([archive(server)], folder, tell=tell_nothing)
    assert server.ranges == [None]


def test_an_archive_that_is_there_is_not_fetched(server, tmp_path):
    (tmp_path / "a.tar").write_bytes(TAR)
    fetch_all([archive(server)], tmp_path, tell=tell_nothing)
    assert server.ranges == []
    assert (tmp_path / "VOCdevkit" / "a.bin").is_file()


@pytest.mark.parametrize("can_skip", [True, False])
def test_an_interrupted_download_goes_on(server, tmp_path, can_skip):
    server.break_after = 2_000_000
    with pytest.raises(ValueError, match="the same command goes on where it stopped"):
        fetch_all([archive(server)], tmp_path, tell=tell_nothing, pauses_s=())
    have = (tmp_path / "a.tar.part").stat().st_size
    assert 0 < have <= 2_000_000
    server.break_after, server.can_skip = None, can_skip
    fetch_all([archive(server)], tmp_path, tell=tell_nothing)
    assert server.ranges == [None, f"bytes={have}-"]
    assert (tmp_path / "a.tar").read_bytes() == TAR
    assert not (tmp_path / "a.tar.part").exists()


def test_a_download_that_was_whole_but_not_renamed_is_taken(server, tmp_path):
    (tmp_path / "a.tar.part").write_bytes(TAR)
    fetch_all([archive(server)], tmp_path, tell=tell_nothing)
    assert (tmp_path / "a.tar").read_bytes() == TAR


def test_a_wrong_checksum_is_an_error_and_leaves_nothing(server, tmp_path):
    with pytest.raises(ValueError, match="another checksum than"):
        fetch_all([archive(server, b"other")], tmp_path, tell=tell_nothing)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_cannot_be_had_says_what_to_do(server, tmp_path):
    with pytest.raises(ValueError, match=r"404.*put the file into"):
        fetch_all([archive(server, name="b.tar")], tmp_path, tell=tell_nothing)


def test_sets_that_are_not_free_say_what_to_get(tmp_path):
    with pytest.raises(ValueError, match=r"person-part cannot be downloaded: .* Get PASCAL-Part"):
        fetch_set("person-part", tmp_path, tell=tell_nothing)


def test_every_archive_has_an_address_and_a_checksum():
    archives = [archive for known in SETS.values() for archive in known.archives]
    assert archives
    for known in archives:
        assert known.url.startswith("https://")
        assert len(known.md5) == 32
        assert known.file_name.endswith((".tar", ".tgz", ".tar.gz", ".zip"))
