from pathlib import Path

import pytest

from deeplab.data.coding import LabelCoding
from deeplab.data.description import DataDescription, SplitFiles, read_description
from deeplab.data.init.text import to_text
from deeplab.labels import LabelSet

CODINGS = [
    LabelCoding(),
    LabelCoding(values=(3, 0), void=(7, 9)),
    LabelCoding(colours=((1, 2, 3), (0, 0, 0)), void_colours=((9, 9, 9),)),
]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    "names", [("sky", "road side"), ("no", "null"), ("a: b", "- #'\""), ("1", "2.5"), ("été", "名")]
)
def test_what_is_written_is_read_back_as_it_was(coding, names, tmp_path):
    splits = {
        "train": SplitFiles(tmp_path / "images a", tmp_path / "masks", None, ".jpg", "_m.png"),
        "val": SplitFiles(tmp_path, None, tmp_path / "val.txt"),
        "on": SplitFiles(Path("/else/where"), Path("/else: #/masks")),
    }
    label_set = LabelSet("my: set", names, ((1, 2, 3), (0, 0, 0)))
    description = DataDescription(tmp_path, label_set, splits, coding)
    text = to_text(description, "of\nlines: two", ["a note", "another: # one"])
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    assert read_description(tmp_path / "data.yaml") == description
    assert "# note: another: # one\n" in text
