import io

import pytest
from rich.console import Console

from deeplab.cli import recipe_table
from deeplab.recipes import TABLES


@pytest.mark.parametrize("number", TABLES)
@pytest.mark.parametrize("width", [80, 140])
def test_on_a_terminal_every_score_is_whole(number, width, monkeypatch, capsys):
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr(recipe_table, "Console", lambda: console)
    recipe_table.show_table(TABLES[number])
    for row in TABLES[number].rows:
        assert f"{row.miou:.2f}" in drawn.getvalue()
        if width == 140:
            assert f" {row.recipe} " in drawn.getvalue()
    assert "deeplab evaluate" in capsys.readouterr().out


@pytest.mark.parametrize("number", TABLES)
def test_plain_columns_stand_below_each_other(number, capsys):
    recipe_table.show_table(TABLES[number])
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.startswith(f"Table {number}: ")
    place = lines[0].index("recipe")
    for line, row in zip(lines[1:], TABLES[number].rows, strict=False):
        assert line[place:].startswith(f"{row.recipe} ")


def test_what_is_not_as_published_is_said(capsys):
    recipe_table.show_table(TABLES[9])
    out = capsys.readouterr().out
    assert "Not published, so ours: crop" in out
    assert "Not as published: fc6 and fc7" in out
