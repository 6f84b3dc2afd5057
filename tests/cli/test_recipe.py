import subprocess
import sys

import pytest

from deeplab.cli.recipe import recipe
from deeplab.recipes import RECIPES, parse_recipe


def deeplab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from deeplab.cli.main import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_without_a_name_all_recipes_are_listed():
    done = deeplab("recipe")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == list(RECIPES)


def test_the_yaml_printed_is_the_recipe_with_its_changes():
    done = deeplab("recipe", "voc12-lite", "--set", "train.iterations=12")
    printed = parse_recipe(done.stdout, source="output")
    assert printed.train.iterations == 12
    assert printed.model == RECIPES["voc12-lite"]().model


def test_a_mistyped_name_ends_with_one_line_that_helps():
    done = deeplab("recipe", "voc12-light")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean 'voc12-lite'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_of_the_paper_is_plain_text_where_nobody_watches():
    lines = deeplab("recipe", "--table", "4").stdout.splitlines()
    assert lines[0] == "Table 4: ResNet-101, VOC 2012 val"
    assert lines[1].split()[:6] == ["MSC", "COCO", "Aug", "LargeFOV", "ASPP", "recipe"]
    assert lines[2].split() == ["voc12-resnet101", "68.72", "-", "-", "-"]
    assert lines[7].split() == [
        *("x", "x", "x", "x", "voc12-resnet101-msc-aspp"),
        *("76.35", "77.69", "-", "-"),
    ]
    assert "--crf resnet101 for the scores with CRF" in lines[-1]


def test_a_table_and_a_name_exclude_each_other():
    with pytest.raises(ValueError, match="leave out the name"):
        recipe("voc12-lite", table=4)
