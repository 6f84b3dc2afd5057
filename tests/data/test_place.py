import os

import pytest

from deeplab.data.place import place_file


def test_a_placed_file_is_the_same_file_where_the_disk_allows_it(tmp_path):
    source, target = tmp_path / "a.jpg", tmp_path / "deep" / "er" / "b.jpg"
    source.write_bytes(b"picture")
    assert place_file(source, target)
    assert target.samefile(source)


def test_a_link_leads_to_a_file_not_to_a_link(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"picture")
    (tmp_path / "link.jpg").symlink_to("a.jpg")
    place_file(tmp_path / "link.jpg", tmp_path / "b.jpg")
    assert not (tmp_path / "b.jpg").is_symlink()
    assert (tmp_path / "b.jpg").samefile(tmp_path / "a.jpg")


def test_where_no_link_can_be_made_a_writable_copy_is(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("another disk")

    monkeypatch.setattr(os, "link", refuse)
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(b"picture")
    source.chmod(0o444)
    assert place_file(source, target)
    assert target.read_bytes() == b"picture"
    assert not target.samefile(source)
    assert target.stat().st_mode & 0o200
    assert not place_file(source, target)  # and a second time changes nothing
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "b.jpg"]


def test_another_file_of_the_name_is_replaced(tmp_path):
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(b"new")
    target.write_bytes(b"older")
    assert place_file(source, target)
    assert target.read_bytes() == b"new"


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.jpg: no such file"):
        place_file(tmp_path / "gone.jpg", tmp_path / "b.jpg")
