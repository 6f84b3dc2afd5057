import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from deeplab.data import Sample
from deeplab.evaluation import PictureResult, estimate_intervals
from deeplab.evaluation.tally import Tally
from deeplab.labels import VOID, named

report = pytest.importorskip("deeplab.evaluation.report", reason="drawing needs the plots extra")

LABELS = named(("background", "cat", "dog & pup"))
MEASURES = ("trimap", "boundary", "calibration")


def label_maps(number):
    """A truth with void, and a prediction that is the more wrong the higher the number."""
    truth = np.zeros((20, 30), np.uint8)
    truth[4:16, 5:20] = 1 + number % 2
    predicted = np.roll(truth, number, axis=1)
    truth[2:4] = VOID
    return truth, predicted


def evaluated(tmp_path, numbers, measures=MEASURES, shift=0, **more):
    tally = Tally(LABELS.class_names, measures)
    for number in numbers:
        truth, predicted = label_maps(number + shift)
        confidence = np.full(truth.shape, 0.9, np.float32)
        sample = Sample(f"picture {number:02}", tmp_path / "a.jpg", tmp_path / "a.png")
        tally.add(sample, tally.count(PictureResult("it", truth, predicted, confidence)))
    return tally.read(**more)


def written(tmp_path, evaluation, asked=None, intervals=None):
    def close_up(picture):
        if asked is not None:
            asked.append(picture.name)
        return [(np.full((6, 8, 3), 50, np.uint8), line) for line in ("photo", "truth")]

    path = tmp_path / "new" / "report.html"
    report.write_report(
        path,
        evaluation,
        title="mine <on> val",
        about={"weights": "mine & yours"},
        label_set=LABELS,
        close_up=close_up,
        intervals=intervals,
    )
    return path.read_text()


def test_the_page_tells_what_was_scored_and_every_measure(tmp_path):
    before = evaluated(tmp_path, range(4), shift=1)
    evaluation = evaluated(tmp_path, range(4), without_crf=before)
    text = written(tmp_path, evaluation).replace("\N{NO-BREAK SPACE}", " ")
    assert "<h1>mine &lt;on&gt; val</h1>" in text
    assert "mine &amp; yours" in text
    for value in (
        evaluation.scores.mean_iou,
        before.scores.mean_iou,
        evaluation.scores.pixel_accuracy,
        evaluation.boundary.mean_iou,
        before.boundary.mean_iou,
        evaluation.calibration.expected_error,
        *evaluation.scores.class_iou,
        *evaluation.scores.class_precision,
    ):
        assert f"{100 * value:.2f} %" in text
    assert "dog &amp; pup called background" in text
    assert len(re.findall("<svg", text)) == 4  # confusions, trimap, calibration, pictures


def test_what_was_not_measured_is_not_on_the_page(tmp_path):
    text = written(tmp_path, evaluated(tmp_path, range(3), measures=()))
    assert "Boundar" not in text
    assert "Calibration" not in text
    assert "CRF" not in text


def test_intervals_stand_beside_the_scores_and_over_the_bars(tmp_path):
    evaluation = evaluated(tmp_path, range(4))
    intervals = estimate_intervals(evaluation, num_draws=50)
    text = written(tmp_path, evaluation, intervals=intervals)
    for low, high in (intervals.mean_iou, *intervals.class_iou):
        assert f"{100 * low:.1f} to {100 * high:.1f}" in text
    assert text.count('class="span"') == 3
    assert 'class="span"' not in written(tmp_path, evaluation)


def test_only_the_worst_twenty_are_drawn_the_worst_first(tmp_path):
    asked = []
    text = written(tmp_path, evaluated(tmp_path, range(24)), asked)
    by_score = sorted(
        evaluated(tmp_path, range(24)).pictures, key=lambda one: (one.mean_iou, one.name)
    )
    assert asked == [one.name for one in by_score[:20]]
    encoded = re.findall(r'src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', text)
    assert len(encoded) == 40
    assert encoded[0][1] == f"{asked[0]}: photo"
    assert Image.open(io.BytesIO(base64.b64decode(encoded[0][0]))).size == (8, 6)


def test_a_picture_of_void_alone_is_not_among_the_worst(tmp_path):
    tally = Tally(LABELS.class_names)
    void = np.full((4, 4), VOID, np.uint8)
    sample = Sample("empty", tmp_path / "a.jpg", tmp_path / "a.png")
    tally.add(sample, tally.count(PictureResult("it", void, void * 0)))
    assert report.worst_first(tally.read().pictures) == []


def test_a_picture_is_described_by_its_scores_and_its_largest_confusions(tmp_path):
    (picture,) = evaluated(tmp_path, [3]).pictures
    words = report.describe_picture(picture, LABELS.class_names).replace("\N{NO-BREAK SPACE}", " ")
    share = 3 * 12 / (18 * 30)  # of the 12 rows of the object, three columns at either end
    assert f"dog &amp; pup called background ({100 * share:.2f} %)".replace("&amp;", "&") in words
    assert f"Mean IoU {100 * picture.mean_iou:.2f} %" in words


def test_the_page_asks_nothing_of_any_other_place(tmp_path):
    text = written(tmp_path, evaluated(tmp_path, range(2)))
    assert not re.search(r"(?<!xlink:)(src|href)=\"(?!data:|#)", text)
    assert "<script" not in text
