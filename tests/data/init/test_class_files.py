import pytest

from deeplab.data.find import list_folders
from deeplab.data.init.class_files import NamedClasses, find_class_file, read_class_file

CAMVID = ((128, 128, 128), (0, 128, 64))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("classes.txt", "sky\n\nroad side\n", (("sky", "road side"), None, None)),
        ("labels.txt", "\ufeff0 sky\n1 road side\n", (("sky", "road side"), (0, 1), None)),
        ("labels.txt", "0: sky\n7: road\n", (("sky", "road"), (0, 7), None)),
        ("labels.txt", "__ignore__\n_background_\ncat\n", (("_background_", "cat"), None, None)),
        ("codes.txt", "Animal\nVoid", (("Animal", "Void"), None, None)),
        (
            "class_dict.csv",
            "name,r,g,b\nsky,128,128,128\nroad, 0, 128, 64\n",
            (("sky", "road"), None, CAMVID),
        ),
        ("classes.csv", "id;class\n3;sky\n4;road", (("sky", "road"), (3, 4), None)),
        (
            "label_colors.txt",
            "128 128 128\t\tsky\n0 128 64\troad side",
            (("sky", "road side"), None, CAMVID),
        ),
        (
            "labelmap.txt",
            "# label:color_rgb:parts:actions\nsky:128,128,128::\nroad:0,128,64::\n",
            (("sky", "road"), None, CAMVID),
        ),
    ],
)
def test_names_are_read_with_what_stands_beside_them(name, text, expected, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_class_file(tmp_path / name) == NamedClasses(name, *expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no class names in it"),
        (b"\xff\xfe\x00", "not a list of class names"),
        (b"name,r,g,b\nsky,1,2,x", "'x' is not a whole number"),
    ],
)
def test_a_wrong_file_is_refused(content, message, tmp_path):
    (tmp_path / "classes.txt").write_bytes(content)
    with pytest.raises(ValueError, match=rf"classes\.txt: {message}"):
        read_class_file(tmp_path / "classes.txt")


def test_a_file_with_colours_goes_before_one_without(tmp_path):
    (tmp_path / "classes.txt").write_text("sky\nroad\n")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "class_dict.csv").write_text("name,r,g,b\nsky,1,2,3\n")
    (tmp_path / "README.txt").write_text("no classes")
    folders = list_folders(tmp_path, leave_out=tmp_path / "no")
    assert find_class_file(folders).source == "class_dict.csv"
    assert find_class_file(folders[:1]).source == "classes.txt"
    assert find_class_file(folders[2:]) is None
