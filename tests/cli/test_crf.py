import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.cli.main import main
from deeplab.crf import DenseCRF


@pytest.fixture
def crf(tmp_path, monkeypatch, capsys):
    """Run `deeplab crf` in a folder with a photo and its scores."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (20, 28, 3), dtype=np.uint8)).save("cat.png")
    scores = random.normal(scale=2, size=(21, 20, 28)).astype(np.float32)
    np.savez("full.npz", scores=scores)
    np.savez("coarse.npz", scores=scores[:, ::4, ::4])
    np.savez("canvas.npz", scores=scores[:, :9, :9], size=[20, 28])

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["deeplab", "crf", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


def mask(folder="refined"):
    with Image.open(Path(folder, "cat.mask.png")) as image:
        return np.asarray(image)


def test_scores_of_every_pixel_are_refined_along_the_photo(crf):
    code, out, err = crf("cat.png", "full.npz")
    assert code == 0
    assert out.splitlines()[-2:] == ["refined/cat.mask.png", "refined/cat.overlay.jpg"]
    assert "full.npz: scores (21, 20, 28) as class scores before softmax; a score for every" in err
    picture, scores = np.asarray(Image.open("cat.png")), np.load("full.npz")["scores"]
    np.testing.assert_array_equal(mask(), DenseCRF().labels(picture, scores))


def test_the_word_refine_may_be_said(crf):
    crf("cat.png", "full.npz", "--out", "short")
    crf("refine", "cat.png", "full.npz", "--out", "long")
    np.testing.assert_array_equal(mask("short"), mask("long"))


def test_coarse_scores_span_the_photo(crf):
    code, _, err = crf("cat.png", "coarse.npz")
    assert code == 0
    assert "the corners of 7x5 scores on those of 28x20 pixels" in err
    assert mask().shape == (20, 28)


def test_scores_at_a_stride_may_go_on_beyond_the_photo(crf):
    code, _, err = crf("cat.png", "canvas.npz", "--stride", "4")
    assert code == 0
    assert "one score every 4 pixels from the top left one on" in err


def test_other_parameters_give_another_mask(crf):
    crf("cat.png", "full.npz")
    crf("cat.png", "full.npz", "--out", "other", "--crf", "v1")
    assert (mask() != mask("other")).any()


def test_marginals_can_be_saved(crf):
    code, _, _ = crf("cat.png", "full.npz", "--save", "probs")
    assert code == 0
    with np.load("refined/cat.probs.npz") as saved:
        picture, scores = np.asarray(Image.open("cat.png")), np.load("full.npz")["scores"]
        expected = DenseCRF().refine(picture, scores)
        np.testing.assert_allclose(saved["probabilities"], expected, atol=5e-4)  # float16


def test_saved_probabilities_can_be_refined_again(crf):
    crf("cat.png", "full.npz", "--save", "probs")
    code, _, err = crf("cat.png", "refined/cat.probs.npz", "--out", "again")
    assert code == 0
    assert "as probabilities" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cat.png", "dog.npz"), "dog.npz: no such file"),
        (("dog.png", "full.npz"), "dog.png: no such file"),
        (("cat.png", "cat.png"), "cat.png: not an npz or npy file"),
        (("cat.png", "canvas.npz"), "say with --stride how many pixels"),
        (("cat.png", "full.npz", "--key", "logits"), "no array 'logits'; there are scores"),
        (("cat.png", "full.npz", "--save", "maks"), "did you mean 'mask'"),
        (("cat.png", "full.npz", "--crf", "v2"), "CRF 'v2': "),
    ],
)
def test_a_mistake_ends_with_one_line_and_exit_code_2(crf, arguments, message):
    code, out, err = crf(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not Path("refined").exists()
