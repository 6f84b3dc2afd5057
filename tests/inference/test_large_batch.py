import os

import pytest
from PIL import Image
from tests.inference.test_large import ColourEngine, smooth

from deeplab import imaging
from deeplab.inference import Job, Segmenter, Tiling, clear_leftovers, segment_large_files
from deeplab.inference.large_batch import check_large_jobs

TILING = Tiling(tile=64)


@pytest.fixture
def jobs(tmp_path):
    """Two pictures and, between them, something else."""
    for name in ("a", "c"):
        Image.fromarray(smooth(100, 150)).save(tmp_path / f"{name}.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    return [Job(n, tmp_path / f"{n}.png", tmp_path / "out" / n) for n in ("a", "b", "c")]


def names(folder):
    return sorted(path.name for path in folder.glob("*"))


def test_a_bad_picture_stops_nothing_and_a_second_run_skips_what_is_done(jobs):
    segmenter = Segmenter(ColourEngine())
    done = list(segment_large_files(segmenter, jobs, tiling=TILING, outputs=("mask",)))
    assert [one.status for one in done] == ["done", "failed", "done"]
    assert done[0].size == (100, 150)
    assert "not a picture" in done[1].reason
    again = list(segment_large_files(segmenter, jobs, tiling=TILING, outputs=("mask",)))
    assert [one.status for one in again] == ["skipped", "failed", "skipped"]


def test_a_picture_that_is_given_up_goes_on(jobs, tmp_path):
    told = []

    def tell(name, done, total):
        told.append((name, done, total))

    segmenter = Segmenter(ColourEngine())
    run = segment_large_files(
        segmenter, jobs[:1], tiling=TILING, stop=lambda: len(told) >= 3, tell_tiles=tell
    )
    assert list(run) == []
    assert [done for _, done, _ in told] == [1, 2, 3]
    assert names(tmp_path / "out") == [".a.unfinished"]
    clear_leftovers(jobs, older_than_s=0)
    assert names(tmp_path / "out") == [".a.unfinished"]
    (outcome,) = segment_large_files(segmenter, jobs[:1], tiling=TILING, outputs=("mask",))
    assert imaging.read_label_map(outcome.outputs["mask"]).shape == (100, 150)
    assert names(tmp_path / "out") == ["a.mask.png"]


@pytest.mark.parametrize("is_to_be_made_again", [False, True])
def test_what_is_kept_of_a_finished_picture_goes_unless_it_is_to_be_made_again(
    jobs, tmp_path, is_to_be_made_again
):
    segmenter = Segmenter(ColourEngine())

    def run(**options):
        options = {"tiling": TILING, "outputs": ("mask",)} | options
        return [one.status for one in segment_large_files(segmenter, jobs[:1], **options)]

    told = []
    if is_to_be_made_again:
        run()
        os.utime(tmp_path / "out" / "a.mask.png", (0, 0))  # clocks of file systems are coarse
    run(
        overwrite=True,
        stop=lambda: len(told) >= 4,  # a row of tiles is done
        tell_tiles=lambda *what: told.append(what),
    )
    if not is_to_be_made_again:  # as if the run had been killed when all but this was done
        (tmp_path / "out" / "a.mask.png").touch()
    assert run() == ["skipped"]
    assert (tmp_path / "out" / ".a.unfinished").is_dir() == is_to_be_made_again


def test_outputs_that_tiles_do_not_have_are_refused_before_any_work(jobs):
    with pytest.raises(ValueError, match="a: output 'labelme' is not made of pictures in tiles"):
        check_large_jobs(jobs, ["mask", "geojson", "labelme"])
