from dataclasses import replace

import pytest

from deeplab.network_card import NetworkCard
from deeplab.precisions import PrecisionRecord
from deeplab.preprocessing import CAFFE_VOC

CARD = NetworkCard(
    name="pets",
    class_names=("background", "Kätzchen"),
    palette=((0, 0, 0), (128, 0, 0)),
    output_stride=16,
    recipe="name: pets\ntrain:\n  iterations: 20\n",
    provenance={"data": "two cats", "commit": "abc"},
    longest_side=513,
)


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        replace(CARD, longest_side=None),
        replace(CARD, preprocessing=CAFFE_VOC),
        replace(CARD, precisions={"bf16": PrecisionRecord(-0.001, 0.98, "pets val", 9, "any")}),
        replace(CARD, inner_scales=(1.25, 0.5), inner_flip=True),
        replace(CARD, crf={"bilateral": {"weight": 4.0, "xy": 67.0, "rgb": 3.0}, "spatial": []}),
    ],
)
def test_a_card_survives_the_metadata(card: NetworkCard) -> None:
    assert NetworkCard.from_metadata(card.to_metadata() | {"someone_elses": "key"}) == card


@pytest.mark.parametrize("key", ["longest_side", "crf"])
def test_what_older_files_lack_may_be_missing_from_the_metadata(key: str) -> None:
    metadata = CARD.to_metadata()
    del metadata[key]
    assert getattr(NetworkCard.from_metadata(metadata), key) is None


def test_of_older_files_no_precision_is_known() -> None:
    metadata = CARD.to_metadata()
    del metadata["precisions"]
    assert NetworkCard.from_metadata(metadata).precisions == {}


def test_older_files_have_no_scales_inside() -> None:
    metadata = CARD.to_metadata()
    del metadata["inner_scales"], metadata["inner_flip"]
    assert NetworkCard.from_metadata(metadata) == CARD
    assert not CARD.fuses_scales


def test_missing_metadata_are_named() -> None:
    metadata = CARD.to_metadata()
    del metadata["palette"], metadata["recipe"]
    with pytest.raises(ValueError, match=r"lacks palette, recipe; .*deeplab export"):
        NetworkCard.from_metadata(metadata)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("class_names", "not json"),
        ("class_names", "3"),
        ("palette", "[[0, 0]]"),
        ("provenance", "[]"),
        ("precisions", "[]"),
        ("precisions", '{"bf16": {"same_labels": 1}}'),
        ("inner_scales", "[]"),
        ("inner_scales", "[1, 0]"),
        ("output_stride", "null"),
        ("output_stride", "0"),
        ("longest_side", "-1"),
        ("crf", "[4, 67, 3]"),
        ("palette", "[]"),
    ],
)
def test_metadata_of_the_wrong_kind_are_refused(key: str, value: str) -> None:
    with pytest.raises(ValueError, match="metadata cannot be read"):
        NetworkCard.from_metadata(CARD.to_metadata() | {key: value})
