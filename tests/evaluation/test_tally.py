import numpy as np
import pytest
from tests.evaluation.counted import NAMES, make_evaluation, make_result, make_sample

from deeplab.evaluation import ConfusionMatrix, Trimap
from deeplab.evaluation.tally import Tally

SKILLS = [0.1, 0.4, 0.7, 1.0]


def test_summed_picture_by_picture_the_counts_are_those_of_one_matrix_and_one_measure():
    matrix, trimap = ConfusionMatrix(NAMES), Trimap(4)
    for seed, skill in enumerate(SKILLS):
        result = make_result(seed, skill=skill)
        matrix.add(result.truth, result.labels, picture_name="picture")
        trimap.add(result)
    evaluation = make_evaluation(SKILLS, measures=["trimap"])
    assert evaluation.scores == matrix.scores()
    assert evaluation.trimap == trimap.result()
    assert [picture.name for picture in evaluation.pictures] == ["p0", "p1", "p2", "p3"]


def test_only_what_was_asked_for_is_measured():
    assert make_evaluation(SKILLS).trimap is None


def test_what_was_packed_and_unpacked_goes_on_to_the_same_numbers():
    samples = [make_sample(f"p{number}") for number in range(4)]
    results = [make_result(number, skill=SKILLS[number]) for number in range(4)]

    def tally_of(count, tally):
        for sample, result in list(zip(samples, results, strict=True))[len(tally) : count]:
            tally.add(sample, tally.count(result))
        return tally

    resumed = Tally(NAMES, ["trimap"])
    resumed.unpack(tally_of(2, Tally(NAMES, ["trimap"])).pack(), samples[:2])
    assert len(resumed) == 2
    assert tally_of(4, resumed).read() == tally_of(4, Tally(NAMES, ["trimap"])).read()


def test_a_picture_is_checked_before_anything_is_counted():
    result = make_result(0)
    result.labels[0, 0] = 4
    with pytest.raises(ValueError, match="predicted label 4"):
        Tally(NAMES, ["trimap"]).count(result)


def test_what_is_kept_of_a_picture_depends_on_its_classes_and_not_on_its_size():
    tally, result = Tally(NAMES), make_result(0)
    small = tally.count(result)
    large = tally.count(
        type(result)("p", np.tile(result.truth, (9, 9)), np.tile(result.labels, (9, 9)))
    )
    assert large.cells.tolist() == small.cells.tolist()
    assert large.pixels.tolist() == (81 * small.pixels).tolist()
