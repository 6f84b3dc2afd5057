import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.inference.clips import make_clip, pictures, sound_packets, times, turn

from deeplab.inference import Output, Segmenter, segment_video

pytest.importorskip("av", reason="videos need the video extra")


@pytest.fixture
def segmenter(network_path: Path) -> Segmenter:
    return Segmenter.load(network_path, threads=1)


def test_the_lossless_mask_holds_the_labels_of_every_picture(
    segmenter: Segmenter, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    done = segment_video(segmenter, clip, tmp_path / "out" / "clip", outputs=("mask", "masks"))
    expected = [segmenter(picture).labels for picture in pictures(clip)]
    assert done.num_frames == len(expected) == 8
    assert len({labels.tobytes() for labels in expected}) > 1
    np.testing.assert_array_equal(pictures(done.outputs["mask"], "gray"), expected)
    files = sorted(done.outputs["masks"].iterdir())
    assert [path.name for path in files] == [f"{number:06}.png" for number in range(1, 9)]
    np.testing.assert_array_equal([np.asarray(Image.open(path)) for path in files], expected)


def test_the_overlay_has_size_times_and_sound_of_the_clip(
    segmenter: Segmenter, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pts=[0, 50, 100, 130, 300, 310, 400, 600])
    path = segment_video(segmenter, clip, tmp_path / "clip").outputs["overlay"]
    assert path == tmp_path / "clip.overlay.mp4"
    assert times(path) == pytest.approx(times(clip))
    before, after = sound_packets(clip), sound_packets(path)
    assert [data for _, data in after] == [data for _, data in before]
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=1e-3)
    assert len(before) > 3
    for drawn, picture in zip(pictures(path), pictures(clip), strict=True):
        expected = np.asarray(segmenter(picture).overlay()).astype(float)
        assert np.abs(drawn - expected).mean() < 8  # lossy, and of half the colours' resolution


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux does")
@pytest.mark.parametrize("threads", [1, 2])
def test_decoding_and_encoding_take_no_more_threads_than_were_asked_for(
    network_path: Path, tmp_path: Path, threads: int
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=6)
    segmenter = Segmenter.load(network_path, threads=threads)
    counts = [len(os.listdir("/proc/self/task"))]
    segment_video(
        segmenter,
        clip,
        tmp_path / "a",
        outputs=("overlay", "mask"),
        tell=lambda done, total: counts.append(len(os.listdir("/proc/self/task"))),
    )
    more = max(counts) - counts[0]
    assert (more <= 2) == (threads == 1)  # reading, and the network, are ahead of writing


@pytest.mark.parametrize("sound", ["pcm_u8", "libmp3lame"])
def test_sound_that_mp4_cannot_hold_is_left_out_with_a_warning(
    sound: str, segmenter: Segmenter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = make_clip(tmp_path / "clip.mkv", num_frames=2, sound=sound)  # MP3 of 8 kHz is too slow
    path = segment_video(segmenter, clip, tmp_path / "a").outputs["overlay"]
    assert "MP4 cannot hold its sound" in caplog.text
    assert len(pictures(path)) == 2


def test_classes_choose_what_is_shown(segmenter: Segmenter, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=2, sound=None)
    done = segment_video(
        segmenter, clip, tmp_path / "a", outputs=("mask", "overlay"), classes=("person",)
    )
    labels = [segmenter(picture).labels for picture in pictures(clip)]
    expected = [np.where(one == 2, 2, 0) for one in labels]
    np.testing.assert_array_equal(pictures(done.outputs["mask"], "gray"), expected)


def test_odd_sizes_keep_their_masks_and_have_one_more_row_and_column_drawn(
    segmenter: Segmenter, tmp_path: Path
) -> None:
    clip = make_clip(
        tmp_path / "clip.mkv", num_frames=2, height=35, width=53, codec="ffv1", sound=None
    )
    done = segment_video(segmenter, clip, tmp_path / "a", outputs=("mask", "overlay"))
    assert done.size == (35, 53)
    assert pictures(done.outputs["mask"], "gray")[0].shape == (35, 53)
    assert pictures(done.outputs["overlay"])[0].shape == (36, 54, 3)


def test_turned_clips_come_out_upright(segmenter: Segmenter, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=2)
    lying = pictures(clip)
    turn(clip)
    done = segment_video(segmenter, clip, tmp_path / "a", outputs=("mask", "overlay"))
    expected = [segmenter(np.rot90(picture, -1).copy()).labels for picture in lying]
    np.testing.assert_array_equal(pictures(done.outputs["mask"], "gray"), expected)
    assert pictures(done.outputs["overlay"])[0].shape == (64, 48, 3)


def test_shares_are_of_all_pictures(segmenter: Segmenter, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=3, sound=None)
    told: list[tuple[int, int]] = []
    done = segment_video(
        segmenter,
        clip,
        tmp_path / "a",
        outputs=("mask",),
        tell=lambda number, total: told.append((number, total)),
    )
    labels = np.array(pictures(done.outputs["mask"], "gray"))
    assert {one.label: one.share for one in done.found} == pytest.approx(
        {label: (labels == label).mean() for label in np.unique(labels)}
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_damaged_clip_says_where_and_leaves_nothing(segmenter: Segmenter, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", sound=None, options={"g": "1"})  # like pictures all
    content = bytearray(clip.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = np.random.default_rng(0).bytes(200)
    clip.write_bytes(content)
    with pytest.raises(ValueError, match=r"clip.mp4: damaged after picture [2-6], at 0\.\d\d s"):
        segment_video(segmenter, clip, tmp_path / "out" / "a", outputs=("mask", "masks", "overlay"))
    assert not list((tmp_path / "out").iterdir())


def test_a_clip_that_is_cut_short_is_done_as_far_as_it_goes_with_a_warning(
    segmenter: Segmenter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times_s = [600 * number for number in range(6)]
    clip = make_clip(tmp_path / "clip.mkv", codec="ffv1", sound=None, num_frames=6, pts=times_s)
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) // 2])
    done = segment_video(segmenter, clip, tmp_path / "a", outputs=("mask",))
    assert done.num_frames in (2, 3)
    assert "it may be cut short" in caplog.text
    assert len(pictures(done.outputs["mask"])) == done.num_frames


def test_an_interruption_leaves_nothing(segmenter: Segmenter, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")

    def interrupt(number: int, total: int) -> None:
        if number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_video(
            segmenter,
            clip,
            tmp_path / "out" / "a",
            outputs=("mask", "masks", "overlay"),
            tell=interrupt,
        )
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("output", ["overlay", "mask", "masks"])
def test_where_there_is_no_room_for_it_nothing_is_left(
    output: Output, segmenter: Segmenter, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource", reason="sizes of files are limited on Unix")
    clip = make_clip(tmp_path / "clip.mp4", num_frames=3)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            segment_video(segmenter, clip, tmp_path / "out" / "a", outputs=(output,))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere.mp4", None, "no such file"),
        ("text.mp4", b"no video", "not a video that FFmpeg can read, or cut short"),
        ("empty.mkv", b"", "not a video that FFmpeg can read, or cut short"),
    ],
)
def test_what_is_no_video_is_told(
    name: str, content: bytes | None, message: str, segmenter: Segmenter, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        segment_video(segmenter, tmp_path / name, tmp_path / "out" / "a")


def test_without_pyav_the_extra_is_named(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=1)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"pip install 'deeplabkit\[video\]'"):
        segment_video(segmenter, clip, tmp_path / "a")


def test_unknown_classes_are_refused_before_anything_is_written(
    segmenter: Segmenter, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=1)
    with pytest.raises(ValueError, match="unknown class 'cta': did you mean 'cat'"):
        segment_video(segmenter, clip, tmp_path / "out" / "a", classes=("cta",))
    assert not (tmp_path / "out").exists()


def test_outputs_of_pictures_alone_are_refused(segmenter: Segmenter, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="output 'probs' is of pictures; videos have mask, overl"):
        segment_video(segmenter, tmp_path / "a.mp4", tmp_path / "a", outputs=("probs",))
