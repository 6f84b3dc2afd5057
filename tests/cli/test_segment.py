import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from tests.inference.clips import make_clip

from deeplab.cli.main import main
from deeplab.inference import Segmenter


class Done(NamedTuple):
    code: int
    out: str
    err: str


Segment = Callable[..., Done]


@pytest.fixture
def segment(
    network_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Segment:
    """Run `deeplab segment` with the colour network, in a folder with a few pictures."""
    monkeypatch.chdir(tmp_path)
    half = np.zeros((20, 30, 3), np.uint8)
    half[:, 8:] = (255, 0, 0)  # scores are 4 pixels apart: pure cat from column 8 on
    Path("photos/may").mkdir(parents=True)
    Image.fromarray(half).save("cat.png")
    Image.fromarray(half).save("photos/cat.png")
    Image.new("RGB", (12, 10), "#0f0").save("photos/may/person.png")
    Path("photos/broken.jpg").write_bytes(b"no picture")

    def run(*arguments: str, weights: Path = network_path) -> Done:
        monkeypatch.setattr(
            sys, "argv", ["deeplab", "segment", "--weights", str(weights), *arguments]
        )
        try:
            main()
        except SystemExit as exit_call:
            return Done(int(exit_call.code or 0), *capsys.readouterr())
        raise AssertionError("typer always exits")

    return run


def visible(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def test_one_photo_gives_mask_overlay_and_a_table(segment: Segment) -> None:
    code, out, err = segment("cat.png")
    assert (code, err) == (0, "")
    assert visible("segmented") == ["cat.mask.png", "cat.overlay.jpg"]
    for part in ("cat.png", "class", "share of the picture", "mean confidence", "background"):
        assert part in out
    assert out.splitlines()[-2:] == ["segmented/cat.mask.png", "segmented/cat.overlay.jpg"]


def test_results_have_the_size_of_the_photo(segment: Segment) -> None:
    segment("cat.png", "--out", "there")
    for name in ("cat.mask.png", "cat.overlay.jpg"):
        with Image.open(Path("there", name)) as image:
            assert image.size == (30, 20)


def test_json_says_the_same_for_programs(segment: Segment) -> None:
    code, out, err = segment("cat.png", "--json")
    (line,) = out.splitlines()
    told = json.loads(line)
    classes = told.pop("classes")
    assert (code, err) == (0, "")
    assert told == {
        "picture": "cat.png",
        "status": "done",
        "outputs": {"mask": "segmented/cat.mask.png", "overlay": "segmented/cat.overlay.jpg"},
        "height": 20,
        "width": 30,
    }
    assert [one["name"] for one in classes] == ["cat", "background"]
    assert [one["label"] for one in classes] == [1, 0]
    assert sum(one["share"] for one in classes) == pytest.approx(1)
    assert all(0 < one["confidence"] <= 1 for one in classes)


def test_a_folder_keeps_its_sub_folders_and_reports_what_failed(segment: Segment) -> None:
    code, out, err = segment("photos")
    assert code == 1
    made = {path.as_posix() for path in Path("segmented").rglob("*.mask.png")}
    assert made == {"segmented/cat.mask.png", "segmented/may/person.mask.png"}
    assert "1 of 3 could not be done:\n  photos/broken.jpg: not a picture" in err
    assert out.splitlines()[-1] == "2 done, 1 failed"


def test_many_photos_give_one_table_over_all_pixels(segment: Segment) -> None:
    _, out, _ = segment("photos")
    rows = {cells[1]: cells[2:] for line in out.splitlines() if len(cells := line.split()) > 6}
    assert rows["person"][1:6] == ["1", "│", "16.7", "%", "│"]  # 120 of 600 + 120 pixels


def test_without_a_terminal_progress_is_a_line_for_each_photo(segment: Segment) -> None:
    _, _, err = segment("photos")
    lines = err.splitlines()
    assert lines[0].startswith("[1/3] photos/broken.jpg: failed: not a picture")
    assert lines[1].startswith("[2/3] photos/cat.png: cat ")
    assert lines[2].startswith("[3/3] photos/may/person.png: person 100.0 %")


def test_on_a_terminal_progress_is_a_bar(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda self: True)
    monkeypatch.setenv("TERM", "xterm")
    _, _, err = segment("photos/**/*.png", "--json")
    assert "segmenting" in err
    assert "[1/" not in err


def test_json_of_many_photos_is_one_object_a_line(segment: Segment) -> None:
    code, out, _ = segment("photos", "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [one["status"] for one in told] == ["failed", "done", "done"]
    assert told[0]["reason"].startswith("not a picture")


def test_finished_photos_are_skipped_and_said_so(segment: Segment) -> None:
    segment("cat.png")
    before = Path("segmented/cat.mask.png").stat().st_mtime_ns
    code, out, _ = segment("cat.png")
    assert code == 0
    assert "cat.png: skipped, results are there (--overwrite does it again)" in out
    assert Path("segmented/cat.mask.png").stat().st_mtime_ns == before


def test_overwrite_does_them_again(segment: Segment) -> None:
    segment("cat.png")
    Path("segmented/cat.mask.png").write_bytes(b"old")
    code, out, _ = segment("cat.png", "--overwrite")
    assert (code, "skipped" in out) == (0, False)
    assert Path("segmented/cat.mask.png").read_bytes() != b"old"


def test_results_that_were_made_otherwise_are_skipped_with_a_warning(
    segment: Segment, caplog: pytest.LogCaptureFixture
) -> None:
    photos = "photos/**/*.png"
    segment(photos)
    segment(photos, "--threads", "1")
    assert not caplog.messages
    changed = (photos, "--scales", "0.5,1", "--flip", "--crf", "vgg16-largefov")
    code, out, _ = segment(*changed)
    assert (code, out.splitlines()[-1]) == (0, "2 skipped")
    (told,) = caplog.messages
    assert told.startswith("2 pictures were skipped, but the results in segmented were made with ")
    assert "scales 1 -> 1, 0.5; flip no -> yes; crf none -> " in told
    segment(*changed, "--overwrite")
    segment(*changed)
    assert len(caplog.messages) == 1
    segment(photos)
    assert "scales 1, 0.5 -> 1; flip yes -> no; " in caplog.messages[1]


def test_results_of_other_weights_are_told_apart_whatever_the_file_is_called(
    segment: Segment, make_network: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    one = make_network(longest_side=1000)
    same = one.rename("same.onnx")
    segment("cat.png", weights=same)
    segment("cat.png", weights=same.rename("renamed.onnx"))
    assert not caplog.messages
    segment("cat.png", weights=make_network(longest_side=2000))
    assert "with other settings: weights " in caplog.text


def test_standard_input_is_a_photo(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO(Path("cat.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    code, _, _ = segment("-")
    assert code == 0
    assert Path("segmented/stdin.mask.png").is_file()


def test_save_chooses_what_is_saved(segment: Segment) -> None:
    code, _, _ = segment("cat.png", "--save", "probs, cutout", "--classes", "background")
    assert code == 0
    assert visible("segmented") == ["cat.cutout.png", "cat.probs.npz"]
    with Image.open("segmented/cat.cutout.png") as cutout:
        alpha = np.asarray(cutout)[..., 3]
    assert (alpha[:, :4] == 255).all()
    assert (alpha[:, 8:] == 0).all()


def test_a_folder_of_pictures_has_one_coco_file_too(segment: Segment) -> None:
    segment("photos", "--save", "coco, geojson", "--simplify", "1", "--classes", "cat")
    joint = "all-pictures.coco.json"
    assert visible("segmented") == [joint, "cat.coco.json", "cat.geojson", "may"]
    told = json.loads(Path("segmented", joint).read_text())
    assert [one["file_name"] for one in told["images"]] == [
        "../photos/cat.png",
        "../photos/may/person.png",
    ]
    assert [one["category_id"] for one in told["annotations"]] == [1]


def test_the_coco_file_of_all_leaves_the_labelme_file_of_a_picture_called_coco(
    segment: Segment,
) -> None:
    Path("cat.png").rename("photos/coco.png")
    segment("photos", "--save", "coco,labelme")
    assert json.loads(Path("segmented/coco.json").read_text())["imagePath"] == "../photos/coco.png"


@pytest.mark.parametrize("name", ["All-Pictures.png", "all-pictures.coco.png"])
def test_a_picture_called_as_the_coco_file_of_all_is_refused(segment: Segment, name: str) -> None:
    Path("cat.png").rename(Path("photos", name))
    code, _, err = segment("photos", "--save", "coco,labelme")
    assert code == 2
    assert f"photos/{name}: a result of it would be called all-pictures.coco.json" in err
    assert not Path("segmented").exists()


def test_a_video_gives_a_video(segment: Segment) -> None:
    make_clip(Path("clip.mp4"), num_frames=3)
    code, out, err = segment("clip.mp4", "--json", "--save", "mask,overlay,masks")
    assert (code, err.splitlines()[-1]) == (0, "[3/3] pictures of clip.mp4")
    assert visible("segmented") == ["clip.mask.mkv", "clip.masks", "clip.overlay.mp4"]
    told = json.loads(out)
    assert (told["frames"], told["height"], told["width"]) == (3, 48, 64)
    code, out, _ = segment("clip.mp4", "--save", "mask,overlay")
    assert "clip.mp4: skipped, results are there" in out


def test_of_videos_on_a_terminal_a_bar_tells_the_pictures(
    segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(Path("clip.mp4"), num_frames=3)
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda self: True)
    monkeypatch.setenv("TERM", "xterm")
    _, _, err = segment("clip.mp4")
    assert "clip.mp4" in err
    assert "pictures of" not in err


def test_videos_are_named_not_found_in_folders_nor_among_results(segment: Segment) -> None:
    make_clip(Path("photos/clip.mp4"), num_frames=1)
    Path("photos/clip.overlay.mp4").touch()
    assert segment("photos/*.mp4", "--save", "overlay", "--out", "photos").code == 0
    assert sorted(os.listdir("photos")) == [
        *("broken.jpg", "cat.png", "clip.mp4", "clip.overlay.mp4", "may")
    ]
    _, out, _ = segment("photos", "--json")
    assert "clip" not in out


def test_outputs_that_a_file_cannot_have_do_nothing(segment: Segment) -> None:
    Path("clip.mp4").touch()
    code, _, err = segment("clip.mp4", "cat.png", "--save", "mask,probs")
    assert (code, Path("segmented").exists()) == (2, False)
    assert err.startswith("error: clip.mp4: output 'probs' is of pictures; videos have mask")
    code, _, err = segment("cat.png", "--save", "masks")
    assert err.startswith("error: cat.png: output 'masks' is of videos; pictures have mask")


def test_scales_and_flip_reach_the_segmenter(segment: Segment) -> None:
    segment("cat.png", "--json", "--out", "plain")
    code, _, _ = segment("cat.png", "--json", "--scales", "0.5, 2", "--flip", "--threads", "1")
    assert code == 0
    plain = Image.open("plain/cat.mask.png")
    other = Image.open("segmented/cat.mask.png")
    assert plain.size == other.size
    assert plain.tobytes() != other.tobytes()  # the edge lies elsewhere


def test_longest_side_keeps_the_size_of_results(segment: Segment) -> None:
    code, _, _ = segment("cat.png", "--longest-side", "9")
    assert code == 0
    with Image.open("segmented/cat.mask.png") as mask:
        assert mask.size == (30, 20)


# The CRF


@pytest.fixture
def noisy(segment: Segment) -> Path:
    """A red square on black under noise, which puts specks into the plain mask."""
    pixels = np.random.default_rng(0).integers(0, 60, (24, 32, 3), dtype=np.uint8)
    pixels[4:20, 8:24, 0] += 140
    pixels[::8, ::8, 0] = 200
    Image.fromarray(pixels).save("noisy.png")
    return Path("noisy.png")


def _mask(folder: str) -> bytes:
    with Image.open(Path(folder, "noisy.mask.png")) as mask:
        assert mask.size == (32, 24)
        return mask.tobytes()


def test_crf_refines_the_mask_with_published_parameters_if_the_network_stores_none(
    segment: Segment, noisy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segment("noisy.png", "--out", "plain")
    code, _, _ = segment("noisy.png", "--out", "alone", "--crf")
    assert code == 0
    assert "no CRF parameters are stored" in caplog.text
    segment("noisy.png", "--out", "preset", "--crf", "resnet101")
    assert _mask("plain") != _mask("alone") == _mask("preset")


def test_crf_alone_uses_the_parameters_in_the_network_file(
    segment: Segment, noisy: Path, make_network: Callable[..., Path], network_path: Path
) -> None:
    Path("mine.yaml").write_text("bilateral:\n  weight: 1\n  xy: 5\n  rgb: 9\n")
    card = Segmenter.load(network_path).card
    stored = dataclasses.replace(card, crf={"bilateral": {"weight": 1, "xy": 5, "rgb": 9}})
    path = make_network(metadata=stored.to_metadata())
    segment("noisy.png", "--out", "stored", "--crf", weights=path)
    segment("noisy.png", "--out", "named", "--crf", "mine.yaml")
    segment("noisy.png", "--out", "other", "--crf", "resnet101")
    assert _mask("stored") == _mask("named") != _mask("other")


def test_crf_may_stand_before_the_photo(segment: Segment, noisy: Path) -> None:
    code, _, _ = segment("--crf", "noisy.png")
    assert code == 0
    assert Path("segmented/noisy.mask.png").is_file()


# Mistakes


def test_when_nothing_is_done_the_exit_code_is_2(segment: Segment) -> None:
    code, out, err = segment("photos/broken.jpg")
    assert (code, out) == (2, "")
    assert "photos/broken.jpg: not a picture that Pillow can read" in err
    assert not Path("segmented").exists()


def test_a_missing_photo_does_not_stop_the_others(segment: Segment) -> None:
    code, _, err = segment("nowhere.png", "cat.png")
    assert code == 1
    assert "  nowhere.png: no such file\n" in err
    assert Path("segmented/cat.mask.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--save", "maks"], "error: unknown output 'maks': did you mean 'mask'?"),
        (["--save", ""], "error: nothing to save"),
        (["--save", "cutout", "--classes", "cta"], "error: unknown class 'cta': did you mean"),
        (["--classes", "cat, dog"], "error: unknown class 'dog': known classes: background, cat"),
        (["--simplify", "2"], "error: simplify 2 is of polygons: save 'geojson' or 'labelme' too"),
        (["--scales", "1,9"], "error: scale 9: allowed are 0.1 to 4"),
        (["--scales", "big"], "error: --scales big: give numbers with commas between them"),
        (["--scales", ""], "error: --scales : give numbers with commas"),
        (["--threads", "0"], "error: threads 0: give 1 or more"),
        (["--crf", "resnet110"], "error: CRF 'resnet110': did you mean 'resnet101'?"),
        (["--crf", "nowhere.yaml"], "error: nowhere.yaml: no such file"),
        (["--longest-side", "0"], "error: longest side 0: give 1 pixel or more"),
    ],
)
def test_wrong_options_do_nothing_and_say_what_is_allowed(
    arguments: list[str], message: str, segment: Segment
) -> None:
    code, out, err = segment("cat.png", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert not Path("segmented").exists()


def test_mistyped_weights_do_nothing_and_say_what_is_known(segment: Segment) -> None:
    code, out, err = segment("cat.png", weights=Path("voc12-lihgt"))
    assert (code, out) == (2, "")
    assert err.startswith("error: weights 'voc12-lihgt': neither a published name nor a file;")


def test_weights_that_are_no_network_do_nothing(segment: Segment) -> None:
    code, out, err = segment("cat.png", weights=Path("cat.png"))
    assert (code, out) == (2, "")
    assert err.startswith("error: cat.png: not an ONNX network file, or a damaged one")


def test_results_that_clash_do_nothing(segment: Segment) -> None:
    code, _, err = segment("cat.png", "photos/cat.png")
    assert code == 2
    assert "cat.png and photos/cat.png: the results of both would be called cat.png" in err


def test_file_names_that_are_no_text_can_be_told(segment: Segment) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    Path("cat.png").rename(name)
    code, out, _ = segment(name)
    assert code == 0
    assert "caf\\udce9.png" in out


def test_windows_see_a_large_picture_that_would_be_shrunk(
    segment: Segment, make_network: Callable[..., Path]
) -> None:
    network = make_network(longest_side=8)
    assert segment("cat.png", "--out", "shrunk", weights=network).code == 0
    assert segment("cat.png", "--out", "windows", "--window", "12", weights=network).code == 0
    assert segment("cat.png", "--out", "whole", "--longest-side", "30", weights=network).code == 0
    shrunk, windows, whole = (
        np.asarray(Image.open(f"{folder}/cat.mask.png"))
        for folder in ("shrunk", "windows", "whole")
    )
    assert np.array_equal(windows, whole)
    assert not np.array_equal(windows, shrunk)
    assert "overlap 0.5 is of windows" in segment("cat.png", "--overlap", "0.5").err
