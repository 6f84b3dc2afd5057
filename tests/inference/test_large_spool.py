import errno
import os

import numpy as np
import pytest
from PIL import Image
from tests.inference.test_large import CRF, ColourEngine, smooth

from deeplab.inference import Segmenter, Tiling, segment_large
from deeplab.inference.large_spool import Spool

TILING = Tiling(tile=64)  # four rows of three tiles
OUTPUTS = ("mask", "overlay", "probs", "cutout", "geojson")


class CountingEngine(ColourEngine):
    """Counts the pictures that it scores, but for the one that tells networks apart."""

    def __init__(self, reach=1):
        super().__init__(reach)
        self.num_scored = 0

    def class_scores(self, pictures):
        self.num_scored += pictures.shape[1:3] != (97, 97)
        return super().class_scores(pictures)


@pytest.fixture
def path(tmp_path):
    Image.fromarray(smooth(200, 130)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def run(path, folder, *, stop_at=None, reach=1, crf=None, scales=(1,), outputs=OUTPUTS, **options):
    """Label the picture, interrupted after some tiles; give how many were scored in this run."""

    def progress(done, total):
        if done == stop_at:
            raise KeyboardInterrupt

    engine = CountingEngine(reach)
    segmenter = Segmenter(engine, crf=crf, scales=scales)
    options = {"tiling": TILING, "outputs": outputs} | options
    try:
        segment_large(segmenter, path, folder / "a", progress=progress, **options)
    except KeyboardInterrupt:
        assert stop_at is not None
    return engine.num_scored


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("crf", [None, CRF])
@pytest.mark.parametrize("stops", [(2,), (4, 6, 10)])
def test_what_was_interrupted_goes_on_to_the_same_files(path, tmp_path, crf, stops):
    run(path, tmp_path / "at once", crf=crf)
    for stop in stops:
        run(path, tmp_path / "in parts", crf=crf, stop_at=stop)
        assert [one.name for one in (tmp_path / "in parts").iterdir()] == [".a.unfinished"]
    num_scored = run(path, tmp_path / "in parts", crf=crf)
    assert num_scored == 12 - stops[-1] // 3 * 3
    assert len(contents(tmp_path / "at once")) == len(OUTPUTS)
    assert contents(tmp_path / "in parts") == contents(tmp_path / "at once")


def test_blocks_that_the_crf_has_done_are_not_done_again(path, tmp_path, monkeypatch):
    monkeypatch.setattr("deeplab.inference.large._CRF_ROWS", 16)
    calls = []
    refine = type(CRF).refine

    def note(crf, picture, unary):
        calls.append(picture.shape)
        return refine(crf, picture, unary)

    monkeypatch.setattr(type(CRF), "refine", note)
    run(path, tmp_path, crf=CRF, stop_at=7, outputs=("mask",))
    num_before = len(calls)
    run(path, tmp_path, crf=CRF, outputs=("mask",))
    num_after = len(calls) - num_before
    calls.clear()
    run(path, tmp_path, crf=CRF, outputs=("mask",))
    assert num_before > 3
    assert num_before + num_after == len(calls)


OTHERS = {
    "another network of the same name": {"reach": 2},
    "more scales": {"scales": (0.5, 1)},
    "a CRF": {"crf": CRF},
    "other tiles": {"tiling": Tiling(tile=64, overlap=0.4)},
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_settings_begin_anew(path, tmp_path, other):
    run(path, tmp_path / "after", stop_at=7)
    counts = [run(path, tmp_path / name, **OTHERS[other]) for name in ("after", "at once")]
    assert counts[0] == counts[1] >= 12
    assert contents(tmp_path / "after") == contents(tmp_path / "at once")


def test_another_picture_of_the_same_name_begins_anew(path, tmp_path):
    run(path, tmp_path / "out", stop_at=7)
    Image.fromarray(smooth(200, 130)[::-1]).save(path)
    assert run(path, tmp_path / "out") == 12


def test_what_is_gone_on_with_is_young_again(path, tmp_path):
    run(path, tmp_path / "out", stop_at=7)
    os.utime(tmp_path / "out" / ".a.unfinished", (0, 0))
    run(path, tmp_path / "out", stop_at=7)
    assert (tmp_path / "out" / ".a.unfinished").stat().st_mtime > 0


def test_other_outputs_go_on(path, tmp_path):
    run(path, tmp_path / "out", stop_at=7, outputs=("mask",))
    assert run(path, tmp_path / "out", outputs=("mask", "probs"), classes=("cat",)) == 6


@pytest.mark.parametrize("content", [b"", b"no arrays", None])
def test_what_is_damaged_is_computed_again_with_a_warning(path, tmp_path, caplog, content):
    run(path, tmp_path / "at once")
    run(path, tmp_path / "out", stop_at=7)
    kept = tmp_path / "out" / ".a.unfinished" / "scores-1.npz"
    whole = kept.read_bytes()
    kept.write_bytes(whole[:200] + b"x" + whole[201:] if content is None else content)
    assert run(path, tmp_path / "out") == 6 + 3
    (record,) = caplog.records
    assert "scores-1.npz is damaged, and what it held is computed again" in record.message
    assert contents(tmp_path / "out") == contents(tmp_path / "at once")


def test_where_nothing_can_be_kept_the_picture_is_done_all_the_same(path, tmp_path, caplog):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".a.unfinished").write_text("in the way")
    assert run(path, tmp_path / "out", outputs=("mask",)) == 12
    (record,) = caplog.records
    assert "cannot be written, so an interruption costs all of this picture" in record.message


def test_a_disk_that_is_full_already_is_told_before_any_work(path, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    engine = CountingEngine()
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        segment_large(Segmenter(engine), path, tmp_path / "out" / "a", tiling=TILING)
    assert engine.num_scored == 0
    assert contents(tmp_path / "out") == {}


def test_nothing_is_kept_of_what_is_no_file(tmp_path):
    def stop(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_large(
            Segmenter(CountingEngine()),
            smooth(200, 130),
            tmp_path / "out" / "a",
            tiling=TILING,
            progress=stop,
        )
    assert contents(tmp_path / "out") == {}


def test_arrays_come_back_as_they_were(tmp_path):
    values = {"a": np.arange(6.0).reshape(2, 3), "b": np.array("text")}
    spool = Spool(tmp_path / "kept")
    assert spool.recall("one") is None
    spool.keep("one", values)
    found = Spool(tmp_path / "kept").recall("one")
    assert found is not None
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value)
    spool.remove()
    assert not (tmp_path / "kept").exists()
