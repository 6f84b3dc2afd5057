import hashlib

import pytest
import torch

from deeplab.labels import CITYSCAPES, PASCAL_CONTEXT, PERSON_PART
from deeplab.models.foreign.open_file import open_foreign

BLOCKS = {f"layer4.block{n}.reduce.conv.weight": torch.zeros(1) for n in range(1, 24)}
FIRST = {"layer1.conv1.conv.weight": torch.zeros(1)}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "theirs.pth"
    path.write_bytes(b"what lies there")
    return path


def with_classes(num_classes):
    return FIRST | BLOCKS | {"fc.weight": torch.zeros(num_classes, 2048, 1, 1)}


@pytest.mark.parametrize("labels", [PASCAL_CONTEXT, PERSON_PART, CITYSCAPES])
def test_classes_are_named_by_their_number_and_the_card_says_so(file, labels):
    card = open_foreign(file, with_classes(len(labels.class_names))).card
    assert (card.class_names, card.palette) == (labels.class_names, labels.palette)
    assert labels.name in card.provenance["class names"]


def test_classes_of_another_number_have_numbers(file):
    card = open_foreign(file, with_classes(5)).card
    assert card.class_names == ("class 0", "class 1", "class 2", "class 3", "class 4")


def test_the_card_says_where_the_weights_come_from(file):
    opened = open_foreign(file, with_classes(21))
    assert opened.card.name == "theirs"
    assert opened.card.provenance["file"] == "theirs.pth"
    assert opened.card.provenance["sha256"] == hashlib.sha256(b"what lies there").hexdigest()
    assert opened.card.provenance["layout"] == opened.layout == "kazuto1011"
    assert opened.config.backbone == "resnet101"


def test_what_cannot_be_told_is_said_with_the_files_name(file):
    with pytest.raises(ValueError, match=r"theirs\.pth: names of a layout that is not known: x"):
        open_foreign(file, {"x": torch.zeros(1)})
