import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.served import Server, serve

from deeplab.download import Checksum, fetch, hash_file

CONTENT = bytes(range(256)) * 12_000  # 3 MB: several chunks
SHA256 = Checksum("sha256", hashlib.sha256(CONTENT).hexdigest())
AT_ONCE = (0.0, 0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(CONTENT, "net.pth") as served:
        yield served


def test_a_file_is_fetched_and_progress_told(server: Server, tmp_path: Path) -> None:
    told = []
    path = tmp_path / "new" / "net.pth"
    fetch([server.url], path, checksum=SHA256, tell=lambda *numbers: told.append(numbers))
    assert path.read_bytes() == CONTENT
    assert told[-1] == (3, 3)
    assert [one.name for one in path.parent.iterdir()] == ["net.pth"]


def test_a_broken_connection_is_taken_up_again(server: Server, tmp_path: Path) -> None:
    server.break_after = 1_500_000
    path = tmp_path / "net.pth"
    with pytest.raises(ValueError, match="goes on where it stopped"):
        fetch([server.url], path, checksum=SHA256, pauses_s=())
    have = (tmp_path / "net.pth.part").stat().st_size
    assert 0 < have <= 1_500_000
    server.break_after = None
    fetch([server.url], path, checksum=SHA256, pauses_s=())
    assert server.ranges == [None, f"bytes={have}-"]
    assert path.read_bytes() == CONTENT


def test_further_attempts_are_made_by_itself(server: Server, tmp_path: Path) -> None:
    server.answers = [503, 429]
    fetch([server.url], tmp_path / "net.pth", pauses_s=AT_ONCE)
    assert len(server.ranges) == 3
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_a_server_that_cannot_skip_sends_all_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(CONTENT[:1000])
    server.can_skip = False
    fetch([server.url], tmp_path / "net.pth", checksum=SHA256)
    assert server.ranges == ["bytes=1000-"]
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_a_file_that_was_changed_meanwhile_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    server.etag, server.break_after = '"one"', 2_000_000
    with pytest.raises(ValueError, match="goes on"):
        fetch([server.url], tmp_path / "net.pth", pauses_s=())
    server.etag, server.break_after = '"two"', None
    server.content = CONTENT[::-1]
    fetch([server.url], tmp_path / "net.pth", pauses_s=())
    assert (tmp_path / "net.pth").read_bytes() == CONTENT[::-1]


def test_the_same_version_goes_on_without_a_checksum(server: Server, tmp_path: Path) -> None:
    server.etag, server.break_after = '"one"', 2_000_000
    with pytest.raises(ValueError, match="goes on"):
        fetch([server.url], tmp_path / "net.pth", pauses_s=())
    server.break_after = None
    fetch([server.url], tmp_path / "net.pth", pauses_s=())
    assert server.ranges[1] is not None
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_halves_are_not_joined_where_nothing_would_tell(server: Server, tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(b"of another file")
    fetch([server.url], tmp_path / "net.pth")
    assert server.ranges == [None]
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_no_part(server: Server, tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(CONTENT + b"more")
    fetch([server.url], tmp_path / "net.pth", checksum=SHA256, pauses_s=AT_ONCE)
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_a_whole_part_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(CONTENT)
    fetch([server.url], tmp_path / "net.pth", checksum=SHA256)
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another checksum than 0123"):
        fetch([server.url], tmp_path / "net.pth", checksum=Checksum("sha256", "0123"))
    assert list(tmp_path.iterdir()) == []


def test_the_beginning_of_a_checksum_is_enough(server: Server, tmp_path: Path) -> None:
    fetch([server.url], tmp_path / "net.pth", checksum=Checksum("sha256", SHA256.digest[:8]))
    assert hash_file(tmp_path / "net.pth") == SHA256.digest


def test_what_is_gone_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"404 Not Found.*put the file into"):
        fetch([f"{server.url}x"], tmp_path / "net.pth", pauses_s=AT_ONCE)
    assert len(server.ranges) == 1


def test_the_next_address_is_tried(server: Server, tmp_path: Path) -> None:
    fetch([f"{server.url}x", server.url], tmp_path / "net.pth", checksum=SHA256)
    assert (tmp_path / "net.pth").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("text/html; charset=utf-8", b"log in, please"),
        ("application/octet-stream", b"\n<!DOCTYPE html><title>Log in</title>"),
    ],
)
def test_a_web_page_is_not_taken_for_weights(
    server: Server, tmp_path: Path, content_type: str, content: bytes
) -> None:
    server.content_type, server.content = content_type, content
    with pytest.raises(ValueError, match="a web page came in the place of the file"):
        fetch([server.url], tmp_path / "net.pth", pauses_s=AT_ONCE)
    assert not (tmp_path / "net.pth").exists()


def test_without_a_server_the_reason_is_said(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ValueError, match=r"cannot be fetched \(.*refused"):
        fetch([f"http://127.0.0.1:{port}/net.pth"], tmp_path / "net.pth", pauses_s=())


def test_without_a_network_it_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is there a network"):
        fetch(["http://weights.invalid/net.pth"], tmp_path / "net.pth", pauses_s=())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_disk_is_said_plainly_and_not_tried_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").symlink_to("/dev/full")
    with pytest.raises(ValueError, match="the disk is full; make room"):
        fetch([server.url], tmp_path / "net.pth", checksum=SHA256, pauses_s=AT_ONCE)


def test_what_cannot_fit_is_refused_before_it_comes(server: Server, tmp_path: Path) -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 10**18

    server.content = Huge(CONTENT)
    with pytest.raises(ValueError, match=r"1000000000000 MB are to come, .* make room"):
        fetch([server.url], tmp_path / "net.pth", pauses_s=())
