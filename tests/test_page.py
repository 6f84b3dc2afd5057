import base64
import io
import re

import numpy as np
from PIL import Image

from deeplab.page import Bar, Page, Swatch


def written(page: Page, tmp_path) -> str:
    page.write(tmp_path / "deep" / "page.html")
    return (tmp_path / "deep" / "page.html").read_text()


def test_text_of_others_cannot_become_markup(tmp_path):
    page = Page("<script>")
    page.heading("a & b")
    page.text("<b>", kind="warning")
    page.table(["<i>"], [["<u>"]])
    page.pictures([(np.zeros((4, 4, 3), np.uint8), '"><script>')])
    text = written(page, tmp_path)
    assert "a &amp; b" in text
    assert not re.search(r"<(script|b|i|u)>", text)


def test_a_picture_is_inside_the_file_and_no_larger_than_asked_for(tmp_path):
    page = Page("pictures")
    page.pictures([(np.full((50, 100, 3), 200, np.uint8), "grey")], width=40)
    (encoded,) = re.findall(r"data:image/jpeg;base64,([^\"]+)", written(page, tmp_path))
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (40, 20)


def test_a_page_asks_nothing_of_any_other_place(tmp_path):
    page = Page("alone")
    page.table(["class", "share", "colour"], [["sky", Bar(0.25), Swatch((1, 2, 3))]])
    text = written(page, tmp_path)
    assert "25.00 %" in text
    assert "rgb(1, 2, 3)" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)


def test_numbers_stand_at_the_right_and_words_do_not(tmp_path):
    page = Page("table")
    page.table(["name", "count"], [["a", 3], ["b", 4.5]])
    text = written(page, tmp_path)
    assert '<td>a</td><td class="number">3</td>' in text
    assert '<th>name</th><th class="number">count</th>' in text
