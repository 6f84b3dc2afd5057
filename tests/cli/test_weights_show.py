from collections.abc import Callable
from pathlib import Path

from deeplab.weights import resolve_checkpoint, resolve_network

Run = Callable[..., tuple[int, str, str]]


def test_the_card_of_ours_is_shown_with_score_and_terms(run_weights: Run) -> None:
    code, out, _ = run_weights("show", "voc12-lite")
    assert code == 0
    assert "21: background, aeroplane" in out
    assert "64.63 %" in out
    assert "not clear or no: ImageNet" in out
    assert "voc12-lite.int8.onnx: mean IoU -0.01 points, 99.45% of the labels stay (368" in out


def test_a_record_of_others_tells_all_that_is_known(run_weights: Run) -> None:
    _, out, _ = run_weights("show", "caffe-resnet101-voc12-trainval")
    assert "it has seen val" in out
    assert "79.70 % (the authors: VOC 2012 test, CRF); arXiv 1606.00915, table 5" in out
    assert "train2_iter_20000.caffemodel (not here)" in out
    assert "SHA-256         not published" in out


def test_a_checkpoint_is_read_by_its_header(run_weights: Run) -> None:
    _, out, _ = run_weights("show", resolve_checkpoint("voc12-lite"))
    assert "21: background, aeroplane" in out
    assert str(resolve_checkpoint("voc12-lite")) in out


def test_the_path_alone_is_printed(run_weights: Run) -> None:
    assert run_weights("show", "voc12-lite", "--path") == (
        0,
        f"{resolve_network('voc12-lite')}\n",
        "",
    )


def test_what_is_not_here_has_no_path(run_weights: Run) -> None:
    code, out, err = run_weights("show", "kazuto1011-voc12", "--path")
    assert (code, out) == (2, "")
    assert "not here: `deeplab weights fetch kazuto1011-voc12`" in err


def test_a_mistyped_name_tells_its_nearest(run_weights: Run) -> None:
    code, _, err = run_weights("show", "voc12-light")
    assert code == 2
    assert "did you mean 'voc12-lite'?" in err


def test_a_damaged_checkpoint_is_told(run_weights: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    for content in (
        b"",
        b"\xff" * 8,
        b"\x02" + 7 * b"\x00" + b"[]",
        b"\x04" + 7 * b"\x00" + b"{{{{",
    ):
        path.write_bytes(content)
        code, _, err = run_weights("show", path)
        assert code == 2
        assert "not a safetensors file, or a damaged one" in err


def test_a_file_of_others_has_no_card(run_weights: Run, tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(b"")
    code, _, err = run_weights("show", tmp_path / "net.pth")
    assert code == 2
    assert "`deeplab weights import` makes files that do" in err
