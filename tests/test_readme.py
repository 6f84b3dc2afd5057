"""The README's commands and Python lines run as they stand there.

They run in a folder that holds what the README speaks of: `examples` and `mydata`. Training is cut
to two steps on small crops, by settings put behind the README's own.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text()
NOT_RUN = ("pip install",)
SHORT_TRAINING = (
    "--set train.iterations=2 --set train.batch_size=2 --set data.augment.crop_size_px=33 "
    "--set train.num_workers=0"
)

SHORT_SEARCH = "--weight 3 --xy 10 --rgb 5"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands(first_words: str) -> list[str]:
    """All commands of the README that begin so, in order."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(first_words)]


def run(command: str, folder: Path) -> str:
    """Run one command as a shell would, with our `deeplab` first on the path; give its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the example photos, and own data of three classes as the README lays it out."""
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (tmp_path / "mydata" / kind / split).mkdir(parents=True)
        for name in ("a", "b"):
            labels = np.zeros((40, 50), np.uint8)
            labels[10:30, 5:25], labels[20:38, 25:45], labels[0] = 1, 2, 255
            picture = labels[..., None] * 60 + random.integers(0, 60, (40, 50, 3))
            data = tmp_path / "mydata"
            Image.fromarray(picture.astype(np.uint8)).save(data / "images" / split / f"{name}.jpg")
            Image.fromarray(labels).save(data / "masks" / split / f"{name}.png")
    (tmp_path / "mydata" / "classes.txt").write_text("background\nleft\nright\n")
    return tmp_path


def test_every_command_of_the_readme_is_run_by_a_test_here():
    known = ("deeplab segment", "deeplab train", "deeplab export", "deeplab evaluate")
    known += ("deeplab recipe", "deeplab crf", "deeplab data", *NOT_RUN)
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert [line for line in lines if not line.startswith(known)] == []
    assert len(commands("deeplab segment")) == 7
    assert len(blocks("python")) == 2


def test_the_training_commands_lead_from_own_data_to_masks(folder):
    for command in commands("deeplab data"):
        run(command, folder)
    assert "left" in (folder / "mydata" / "data.yaml").read_text()
    for command in commands("deeplab train"):
        run(f"{command} {SHORT_TRAINING}", folder)
    export, export_with_crf = commands("deeplab export")
    run(export, folder)
    (segment,) = (command for command in commands("deeplab segment") if "mine.onnx" in command)
    run(segment, folder)
    assert (folder / "mine" / "cat.mask.png").exists()
    evaluate, evaluate_with_crf = commands("deeplab evaluate")
    assert "left" in run(evaluate, folder)
    assert (folder / "scores.json").exists()
    assert "left" in (folder / "report.html").read_text()
    run(f"{commands('deeplab crf tune')[0]} {SHORT_SEARCH}", folder)
    run(export_with_crf, folder)
    assert "left" in run(evaluate_with_crf, folder)
    assert (folder / "trimap.png").exists()


def test_the_recipe_command_writes_a_file_that_train_takes(folder):
    (command,) = commands("deeplab recipe")
    run(command, folder)
    run(f"deeplab train mine.yaml --data mydata --out run {SHORT_TRAINING}", folder)
    assert (folder / "run" / "last.safetensors").exists()


def test_the_segment_commands_find_a_cat(folder):
    told = [
        run(command, folder)
        for command in commands("deeplab segment")
        if "mine.onnx" not in command
    ]
    assert all("cat" in output for output in told)
    assert (folder / "segmented" / "cat.overlay.jpg").exists()
    assert (folder / "cutouts" / "cat.cutout.png").exists()
    assert (folder / "values" / "cat.probs.npz").exists()
    shapes = {path.name for path in (folder / "shapes").glob("cat.*")}
    assert shapes == {"cat.geojson", "cat.coco.json", "cat.json"}


def test_the_python_lines_find_a_cat_and_refine_it(folder):
    (values,) = (command for command in commands("deeplab segment") if "probs" in command)
    run(values, folder)
    segment, refine = blocks("python")
    (folder / "lines.py").write_text(segment)
    assert "'cat'" in run("python lines.py", folder)
    (folder / "lines.py").write_text(f"{refine}print(marginals.shape[1:] == picture.shape[:2])")
    assert run("python lines.py", folder) == "True\n"
    (crf,) = (command for command in commands("deeplab crf") if "tune" not in command)
    assert "cat" in run(crf, folder)


def test_every_file_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    missing = [link for link in links if not (REPOSITORY / link).exists()]
    assert missing == []
