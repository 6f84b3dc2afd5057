import numpy as np
import pytest
from tests.evaluation.counted import NAMES, make_result, make_sample

from deeplab.evaluation import Keep
from deeplab.evaluation.tally import Tally

ABOUT = {"weights": "abc", "scales": [0.5, 1.0]}
SAMPLES = tuple(make_sample(f"p{number}") for number in range(4))


def make():
    return Tally(NAMES, ["trimap"])


def filled(count, noise=0):
    tally = make()
    for number, sample in enumerate(SAMPLES[:count]):
        tally.add(sample, tally.count(make_result(number + noise, name=sample.name)))
    return tally


def test_what_was_written_is_there_again_for_results_and_before_the_crf(tmp_path):
    path = tmp_path / "new" / "counts.npz"
    Keep(path, ABOUT).write(SAMPLES, [filled(3), filled(3, noise=9)])
    restored = Keep(path, ABOUT).restore(SAMPLES, make)
    assert [tally.read() for tally in restored] == [filled(3).read(), filled(3, noise=9).read()]


def test_without_a_file_there_is_nothing_to_go_on_from(tmp_path):
    assert Keep(tmp_path / "counts.npz", ABOUT).restore(SAMPLES, make) == []


def test_counts_are_written_only_now_and_then(tmp_path):
    path = tmp_path / "counts.npz"
    Keep(path, ABOUT, every_s=1e9).write_if_due(SAMPLES, [filled(1)])
    assert not path.exists()
    Keep(path, ABOUT, every_s=0).write_if_due(SAMPLES, [filled(1)])
    assert path.exists()


def test_before_the_first_picture_nothing_is_written(tmp_path):
    Keep(tmp_path / "counts.npz", ABOUT).write(SAMPLES, [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({**ABOUT, "scales": [1.0]}, r"scales is \[0\.5, 1\.0\] there and \[1\.0\] now"),
        ({"weights": "abc"}, r"scales is \[0\.5, 1\.0\] there and None now"),
        ({**ABOUT, "flip": True}, "flip is None there and True now"),
    ],
)
def test_another_evaluation_is_refused_the_file(about, message, tmp_path):
    path = tmp_path / "counts.npz"
    Keep(path, ABOUT).write(SAMPLES, [filled(1)])
    with pytest.raises(ValueError, match=message):
        Keep(path, about)


def test_counts_of_other_pictures_are_refused(tmp_path):
    path = tmp_path / "counts.npz"
    Keep(path, ABOUT).write(SAMPLES, [filled(2)])
    with pytest.raises(ValueError, match="counts of other pictures"):
        Keep(path, ABOUT).restore(SAMPLES[1:], make)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        Keep(tmp_path, ABOUT)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut short"])
def test_a_file_of_another_kind_is_refused_and_left_alone(content, tmp_path):
    path = tmp_path / "counts.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not the counts of an evaluation"):
        Keep(path, ABOUT)
    assert path.read_bytes() == content


def test_an_npz_of_something_else_is_refused(tmp_path):
    path = tmp_path / "scores.npz"
    np.savez(path, scores=np.zeros(3))
    with pytest.raises(ValueError, match="not the counts of an evaluation"):
        Keep(path, ABOUT)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ValueError, match="not the counts of an evaluation"):
        Keep(tmp_path / "array.npy", ABOUT)


def test_counts_without_a_part_are_called_damaged(tmp_path):
    path = tmp_path / "counts.npz"
    Keep(path, ABOUT).write(SAMPLES, [filled(2)])
    arrays = dict(np.load(path))
    del arrays["0/cells"]
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="damaged"):
        Keep(path, ABOUT).restore(SAMPLES, make)
