import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.served import Server, serve

from deeplab import registry
from deeplab.cache import fetched_dir
from deeplab.registry import ELSEWHERE, ForeignWeights
from deeplab.runs.weight_fetch import fetch_weights

CONTENT = bytes(range(256)) * 8000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
Publish = Callable[..., tuple[ForeignWeights, Server]]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publish]:
    """Publish a file on this machine, under the name "net"; other fields of its record as given."""
    with ExitStack() as servers:

        def publish(content: bytes = CONTENT, file_name: str = "net.pth", **changes: object):
            server = servers.enter_context(serve(content, file_name))
            record = replace(
                ELSEWHERE["kazuto1011-voc12"],
                name="net",
                file_name="net.pth",
                urls=(server.url,),
                **changes,
            )
            monkeypatch.setitem(registry.ELSEWHERE, "net", record)
            return record, server

        yield publish


def test_a_file_is_fetched_into_the_cache_and_is_there_the_next_time(
    run_weights: Run, publish: Publish
) -> None:
    _, server = publish()
    for _ in range(2):
        code, out, _ = run_weights("fetch", "net")
        assert code == 0
        assert out.splitlines() == [
            str(fetched_dir() / "net" / "net.pth"),
            f"SHA-256 {SHA256}; nobody published a hash to compare it with",
            "next: deeplab weights import net",
        ]
    assert server.ranges == [None]
    assert run_weights("verify", "net")[0] == 0


def test_it_can_go_elsewhere(run_weights: Run, publish: Publish, tmp_path: Path) -> None:
    publish(sha256=SHA256)
    code, out, _ = run_weights("fetch", "net", "--to", tmp_path / "here")
    assert code == 0
    assert (tmp_path / "here" / "net.pth").read_bytes() == CONTENT
    assert f"SHA-256 {SHA256}: as published" in out
    assert f"next: deeplab weights import {tmp_path / 'here' / 'net.pth'}" in out


def test_an_interrupted_download_goes_on(own_cache: Path, publish: Publish) -> None:
    _, server = publish(sha256=SHA256[:8])
    server.break_after = 1_500_000
    with pytest.raises(ValueError, match="goes on where it stopped"):
        fetch_weights("net", pauses_s=())
    server.break_after = None
    assert fetch_weights("net", pauses_s=()).status == "right"
    assert server.ranges[1] is not None


def test_a_wrong_hash_is_not_kept(run_weights: Run, publish: Publish) -> None:
    publish(sha256="00000000")
    code, out, err = run_weights("fetch", "net")
    assert (code, out) == (2, "")
    assert "another checksum than 00000000 and was removed" in err
    assert list((fetched_dir() / "net").iterdir()) == []


def test_what_is_gone_is_told_with_what_to_do(run_weights: Run, publish: Publish) -> None:
    _, server = publish()
    server.name = "other.pth"
    code, _, err = run_weights("fetch", "net")
    assert code == 2
    assert "404 Not Found" in err
    assert "put the file into" in err


def make_zip(member: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("deploy.prototxt", "layers")
        archive.writestr(member, CONTENT)
    return packed.getvalue()


def test_a_file_is_taken_out_of_its_archive(run_weights: Run, publish: Publish) -> None:
    publish(make_zip("models/net.pth"), "models.zip", member="net.pth")
    assert run_weights("fetch", "net")[0] == 0
    assert (fetched_dir() / "net" / "net.pth").read_bytes() == CONTENT


def test_an_archive_without_the_file_says_what_it_holds(run_weights: Run, publish: Publish) -> None:
    publish(make_zip("other.pth"), "models.zip", member="net.pth")
    code, _, err = run_weights("fetch", "net")
    assert code == 2
    assert "holds no net.pth, but deploy.prototxt, other.pth" in err


def test_what_is_no_archive_is_told(run_weights: Run, publish: Publish) -> None:
    publish(b"PK nonsense", "models.zip", member="net.pth")
    code, _, err = run_weights("fetch", "net")
    assert code == 2
    assert "not an archive, or a damaged one" in err


def test_what_only_a_browser_gets_says_where(run_weights: Run) -> None:
    code, _, err = run_weights("fetch", "speedinghzl-voc12")
    assert code == 2
    assert "https://pan.baidu.com/s/1bP52R8" in err
    assert "--name speedinghzl-voc12" in err


def test_ours_need_no_fetching(run_weights: Run) -> None:
    code, _, err = run_weights("fetch", "voc12-lite")
    assert code == 2
    assert "came with deeplab" in err


def test_a_damaged_file_is_not_taken_for_right(run_weights: Run, publish: Publish) -> None:
    publish(sha256=SHA256)
    (fetched_dir() / "net").mkdir(parents=True)
    (fetched_dir() / "net" / "net.pth").write_bytes(b"damaged")
    code, _, err = run_weights("fetch", "net")
    assert code == 2
    assert "delete it and fetch it again" in err
