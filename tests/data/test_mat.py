import numpy as np
import pytest
from scipy.io import savemat

from deeplab.data import mat


def test_a_file_that_is_no_matlab_file_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "a.mat"
    for content in (b"", b"not a MATLAB file at all, whatever its name says", b"\0" * 300):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.mat: not a MATLAB file, or damaged"):
            mat.read_variable(path, "LabelMap")


def test_a_file_that_is_cut_short_is_an_error(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"LabelMap": np.arange(9999).reshape(99, 101)}, do_compression=True)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="damaged"):
        mat.read_variable(path, "LabelMap")


def test_a_hdf5_file_says_how_to_save_it(tmp_path):
    path = tmp_path / "a.mat"
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(head + b"\0" * 384 + b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    with pytest.raises(ValueError, match="-v7"):
        mat.read_variable(path, "LabelMap")


def test_a_variable_that_is_not_there_is_an_error(tmp_path):
    savemat(tmp_path / "a.mat", {"other": 1})
    with pytest.raises(ValueError, match="no variable 'LabelMap'"):
        mat.read_variable(tmp_path / "a.mat", "LabelMap")
    assert mat.holds(tmp_path / "a.mat", "other")
    assert not mat.holds(tmp_path / "a.mat", "LabelMap")
    with pytest.raises(ValueError, match="no such file"):
        mat.read_variable(tmp_path / "b.mat", "LabelMap")


def test_a_field_that_is_not_there_is_an_error_that_lists_those_that_are(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"anno": {"imname": "a", "objects": 1}})
    anno = next(mat.elements(mat.read_variable(path, "anno")))
    assert mat.text(mat.field(anno, "imname", path), path) == "a"
    with pytest.raises(ValueError, match="'parts' is expected here, but its fields are imname"):
        mat.field(anno, "parts", path)
    with pytest.raises(ValueError, match="it is no structure"):
        mat.field(3, "parts", path)
    with pytest.raises(ValueError, match="a text is expected"):
        mat.text(mat.field(anno, "objects", path), path)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float64, np.bool_])
def test_whole_numbers_may_be_kept_in_any_type(tmp_path, kind):
    values = np.array([[0, 1], [1, 0]], kind)
    read = mat.whole_numbers(values, tmp_path, most=1)
    assert read.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    "values", [[[0.5, 1]], [[-1.0, 1]], [[0, 21]], [[np.nan, 1]], [0, 1], [[]], [["a"]]]
)
def test_other_values_than_whole_numbers_in_range_are_refused(tmp_path, values):
    with pytest.raises(ValueError, match="whole numbers"):
        mat.whole_numbers(np.array(values), tmp_path, most=20)
