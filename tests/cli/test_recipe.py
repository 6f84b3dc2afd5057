import subprocess
import sys

from deeplab.recipes import RECIPES, parse_recipe


def deeplab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from deeplab.cli.main import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_without_a_name_all_recipes_are_listed():
    done = deeplab("recipe")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == list(RECIPES)


def test_the_yaml_printed_is_the_recipe_with_its_changes():
    done = deeplab("recipe", "voc12-lite", "--set", "train.iterations=12")
    recipe = parse_recipe(done.stdout, source="output")
    assert recipe.train.iterations == 12
    assert recipe.model == RECIPES["voc12-lite"]().model


def test_a_mistyped_name_ends_with_one_line_that_helps():
    done = deeplab("recipe", "voc12-light")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean 'voc12-lite'?" in done.stderr
    assert "Traceback" not in done.stderr
