import pytest

from deeplab.evaluation import Point, Trial, TrialLog

ABOUT = {"weights": "mine.onnx", "pictures": ["a", "b"]}
FIRST = Trial("coarse", Point(4, 67, 3), 0.5)
SECOND = Trial("fine", Point(4.5, 65, 3), 0.625)


def test_trials_are_found_again_in_the_same_folder(tmp_path):
    log = TrialLog(tmp_path / "new", ABOUT)
    log.add([FIRST])
    log.add([SECOND])
    again = TrialLog(tmp_path / "new", ABOUT)
    assert again.trials == [FIRST, SECOND]
    assert Point(4.5, 65, 3) in again
    assert Point(4, 65, 3) not in again


def test_the_file_is_a_plain_table(tmp_path):
    TrialLog(tmp_path, ABOUT).add([FIRST, SECOND])
    assert (tmp_path / "trials.csv").read_text() == (
        "stage,weight,xy,rgb,mean_iou\ncoarse,4,67,3,0.500000\nfine,4.5,65,3,0.625000\n"
    )


def test_the_best_is_the_first_of_equals_of_all_or_of_a_stage(tmp_path):
    log = TrialLog(tmp_path, ABOUT)
    equal = Trial("fine", Point(1, 1, 1), 0.625)
    log.add([FIRST, SECOND, equal])
    assert log.best() == SECOND
    assert log.best("coarse") == FIRST


def test_a_folder_with_another_search_is_refused_and_the_difference_is_named(tmp_path):
    TrialLog(tmp_path, ABOUT)
    with pytest.raises(ValueError, match=r"another search: pictures is \['a', 'b'\] there and"):
        TrialLog(tmp_path, {**ABOUT, "pictures": ["a"]})


def test_a_damaged_file_is_refused(tmp_path):
    TrialLog(tmp_path, ABOUT)
    (tmp_path / "trials.csv").write_text("stage,weight\ncoarse,4\n")
    with pytest.raises(ValueError, match=r"trials\.csv: not a list of trials .*; delete it"):
        TrialLog(tmp_path, ABOUT)
