import base64
import io
import re

import numpy as np
from PIL import Image

from deeplab.page import Bar, Page, Percent, Swatch


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
    assert '<th scope="row">a</th><td class="number">3</td>' in text
    assert '<th scope="col">name</th><th scope="col" class="number">count</th>' in text


def test_a_bar_shows_the_interval_around_its_share(tmp_path):
    page = Page("bars")
    page.table(["iou", "share", "of"], [[Bar(0.5, (0.25, 0.75)), Percent(0.125), None]])
    text = written(page, tmp_path)
    assert 'class="bar" style="width:50.0%"' in text
    assert 'class="span" style="left:25.0%;width:50.0%"' in text
    assert "12.50 %" in text
    assert ">\N{EN DASH}</td>" in text


def test_those_who_cannot_see_are_told_what_is_there(tmp_path):
    page = Page("words")
    page.table(["a"], [["b"]], caption='"table"')
    page.drawing("<?xml?><svg></svg>", "below", alt="what <it> shows")
    page.pictures([(np.zeros((4, 4, 3), np.uint8), "black")], columns=4, of="a <cat>")
    text = written(page, tmp_path)
    assert 'aria-label="&quot;table&quot;"' in text
    assert '<svg role="img" aria-label="what &lt;it&gt; shows"></svg>' in text
    assert 'alt="a &lt;cat&gt;: black"' in text


def test_lists_facts_and_tiles_are_escaped_too(tmp_path):
    page = Page("more")
    page.subheading("<b>")
    page.items(["<b>"])
    page.facts({"<b>": "<b>"})
    page.tiles([("<b>", "<b>", "<b>")])
    assert "<b><" not in written(page, tmp_path)
    assert written(page, tmp_path).count("&lt;b&gt;") == 7
