import pytest
from tests.data.annotation_files import (
    coco,
    cvat,
    label_studio_task,
    labelme,
    save_json,
    square,
)

from deeplab.data.annotated import ReadOptions
from deeplab.data.formats import FORMATS, read_annotations

SQUARE = {"segmentation": [square(0, 0, 4, 4)]}
POLYGON = {
    "type": "polygonlabels",
    "value": {"points": [[0, 0], [50, 0], [0, 50]], "polygonlabels": ["cat"]},
}


def write(folder, name):
    if name == "cvat":
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "cvat.xml"
        path.write_text(cvat('<polygon label="cat" points="0,0;4,0;0,4"/>'))
        return path
    content = {
        "coco": coco([SQUARE]),
        "labelme": labelme([{"label": "cat", "points": [[0, 0], [4, 0], [0, 4]]}]),
        "labelstudio": [label_studio_task([POLYGON])],
    }[name]
    return save_json(folder / f"{name}.json", content)


def find(source, format_name="auto"):
    return read_annotations(source, format_name, ReadOptions(), leave_out=source / "to")


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_recognised_by_its_content(tmp_path, name):
    path = write(tmp_path, name)
    for source in (path, tmp_path):
        title, annotations, notes = find(source)
        assert title == FORMATS[name].title
        assert annotations.class_names[0] == "cat"
        assert not notes


@pytest.mark.parametrize(
    ("name", "other"), [(name, other) for name in FORMATS for other in FORMATS if name != other]
)
def test_a_file_of_another_tool_is_refused_by_name(tmp_path, name, other):
    path = write(tmp_path, name)
    with pytest.raises(ValueError, match=f"no annotations in {FORMATS[other].title}"):
        find(path, other)


def test_annotations_of_several_tools_ask_for_a_choice(tmp_path):
    write(tmp_path, "coco")
    write(tmp_path, "labelme")
    with pytest.raises(
        ValueError, match=r"of several tools \(.*coco\.json is COCO JSON; .*--format"
    ):
        find(tmp_path)
    assert find(tmp_path, "labelme")[0] == "labelme JSON"


def test_files_of_no_tool_are_passed_over_with_a_note(tmp_path):
    write(tmp_path, "coco")
    save_json(tmp_path / "settings.json", {"colour": "red"})
    assert find(tmp_path)[2] == ("1 other file passed over: settings.json",)


def test_damaged_files_are_named(tmp_path):
    path = write(tmp_path, "coco")
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ValueError, match=r"coco\.json: .*(cut short|not JSON)"):
        find(tmp_path)


def test_nothing_to_read_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"no annotations that are known \(COCO JSON"):
        find(tmp_path)
    with pytest.raises(ValueError, match="no such file or folder"):
        find(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="unknown format 'voc': known are auto, coco"):
        find(tmp_path, "voc")


def test_what_was_converted_before_is_not_read_again(tmp_path):
    write(tmp_path, "labelme")
    write(tmp_path / "to", "coco")
    assert find(tmp_path)[0] == "labelme JSON"
