import pytest

from deeplab.data.prepare import SETS, find_set, prepare
from deeplab.data.prepared import Options
from deeplab.labels import LABEL_SETS


def test_every_set_has_its_entry_among_the_label_sets():
    for known in SETS.values():
        assert LABEL_SETS[known.label_set.name] == known.label_set


def test_an_unknown_set_gives_the_nearest_and_all():
    with pytest.raises(ValueError, match=r"did you mean 'voc12'.*known are voc12, pascal-context"):
        find_set("voc21")


def test_a_folder_that_is_not_there_says_what_it_would_hold(tmp_path):
    with pytest.raises(ValueError, match=r"no such folder; it holds VOCdevkit/VOC2012"):
        prepare("voc12", tmp_path / "nowhere", tmp_path / "to", Options())


def test_official_files_are_not_written_over(fake_voc):
    with pytest.raises(ValueError, match="is where the official files are; give another folder"):
        prepare("voc12", fake_voc, fake_voc, Options())


def test_an_option_that_a_set_does_not_offer_is_refused(fake_voc, tmp_path):
    with pytest.raises(ValueError, match="leave out --skip-empty"):
        prepare("voc12", fake_voc, tmp_path, Options(skip_empty=True))


def test_a_target_below_the_source_is_not_read_as_official(fake_voc, tmp_path):
    (tmp_path / "VOCdevkit").symlink_to(fake_voc / "VOCdevkit")
    target = tmp_path / "prepared"
    first = prepare("voc12", tmp_path, target, Options())
    second = prepare("voc12", tmp_path, target, Options())
    assert (
        first.counts
        == second.counts
        == {
            "train": 8,
            "val": 3,
            "trainval": 11,
            "trainaug": 8,
            "trainval_aug": 11,
        }
    )
    assert second.written.num_changed == 0
