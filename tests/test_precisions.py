import pytest

from deeplab.precisions import PrecisionRecord


@pytest.mark.parametrize(
    ("miou_change", "same_labels", "is_harmless"),
    [
        (0.0, 1.0, True),
        (-0.002, 0.97, True),
        (0.002, 0.97, True),
        (-0.0021, 1.0, False),
        (0.0021, 1.0, False),  # by so much more, by chance, it could be less on other pictures
        (0.0, 0.969, False),
    ],
)
def test_harm_is_a_change_of_mean_iou_or_of_many_labels(miou_change, same_labels, is_harmless):
    record = PrecisionRecord(miou_change, same_labels, "pets val", 9, "any")
    assert record.is_harmless == is_harmless


def test_a_record_without_its_numbers_is_refused():
    with pytest.raises(ValueError, match="lacks 'miou_change'"):
        PrecisionRecord.from_plain({"same_labels": 1.0})
