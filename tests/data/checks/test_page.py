from html.parser import HTMLParser

import pytest
from tests.data import faults
from tests.data.small_set import make_set

from deeplab.data.check import check
from deeplab.data.checks.page import make_page

VOID_ELEMENTS = {"meta", "img", "br", "link", "hr", "input"}


class Nesting(HTMLParser):
    """Notes the pictures and texts, and fails where elements do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.num_pictures = 0
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.num_pictures += tag == "img"
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data


def written(root, tmp_path) -> Nesting:
    make_page(check(root)).write(tmp_path / "check.html")
    parser = Nesting()
    parser.feed((tmp_path / "check.html").read_text())
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize("fault", faults.FAULTS[::5], ids=lambda fault: fault.__name__)
def test_faults_can_be_put_on_a_page(tmp_path, fault):
    root = tmp_path / "set"
    root.mkdir()
    expected = fault(root)
    assert expected.kind in written(root, tmp_path).text


def test_the_page_of_a_set_without_faults_shows_shares_and_overlays(tmp_path):
    page = written(make_set(tmp_path / "set"), tmp_path)
    assert "nothing wrong was found" in page.text
    assert "train, pixels" in page.text
    assert page.num_pictures == 9


def test_the_page_of_a_set_that_cannot_be_opened_says_so(tmp_path):
    assert "does not exist" in written(tmp_path / "nowhere", tmp_path).text


def test_a_near_duplicate_is_shown_beside_its_twin(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    faults.near_duplicate(root)
    assert "and the other one" in written(root, tmp_path).text
