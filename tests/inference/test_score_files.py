import numpy as np
import pytest
from PIL import Image

from deeplab.inference import ScoreFolder, place_scores, read_scores
from deeplab.inference.score_files import describe_classes
from deeplab.labels import VOC12

PICTURE = np.zeros((20, 28, 3), np.uint8)


def scores(rows=5, columns=7, num_classes=3, seed=0):
    values = np.random.default_rng(seed).normal(scale=2, size=(num_classes, rows, columns))
    return values.astype(np.float32)


def softmax(values):
    exponentials = np.exp(values)
    return exponentials / exponentials.sum(axis=0)


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "cat.npz", **arrays)
    return tmp_path / "cat.npz"


@pytest.mark.parametrize("name", ["scores", "class_scores", "logits", "anything"])
def test_class_scores_are_found_by_name_or_by_being_the_only_array(name, tmp_path):
    file = read_scores(saved(tmp_path, **{name: scores().astype(np.float16)}))
    assert not file.are_probabilities
    np.testing.assert_array_equal(file.scores, scores().astype(np.float16))
    assert file.scores.dtype == np.float32
    assert file.reading == f"{name} (3, 5, 7) as class scores before softmax"


@pytest.mark.parametrize("name", ["probabilities", "probs", "softmax", "anything"])
def test_probabilities_are_told_by_their_name_or_by_adding_up_to_one(name, tmp_path):
    file = read_scores(saved(tmp_path, **{name: softmax(scores()).astype(np.float16)}))
    assert file.are_probabilities
    np.testing.assert_allclose(file.scores.sum(axis=0), 1, atol=1e-6)  # float32


def test_an_npy_file_is_taken_too(tmp_path):
    np.save(tmp_path / "cat.npy", scores())
    np.testing.assert_array_equal(read_scores(tmp_path / "cat.npy").scores, scores())


def test_a_key_chooses_among_several_arrays(tmp_path):
    path = saved(tmp_path, first=scores(seed=1), second=scores(seed=2))
    np.testing.assert_array_equal(read_scores(path, key="second").scores, scores(seed=2))
    with pytest.raises(ValueError, match="2 of first, second can be class scores"):
        read_scores(path)
    with pytest.raises(ValueError, match="no array 'third'; there are first, second"):
        read_scores(path, key="third")


def test_size_and_class_names_are_read(tmp_path):
    path = saved(tmp_path, scores=scores(), size=[20, 28], class_names=["sky", "cat", "dog"])
    file = read_scores(path)
    assert file.size == (20, 28)
    assert file.class_names == ("sky", "cat", "dog")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 7)), r"scores is float64 of shape \(5, 7\)"),
        (np.zeros((1, 5, 7)), "with 2 to 1000 classes"),
        (np.zeros((3, 5, 7), complex), "scores is complex128"),
        (np.full((3, 5, 7), np.nan), "holds NaN or infinite values"),
    ],
)
def test_what_cannot_be_class_scores_is_refused(array, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_scores(saved(tmp_path, scores=array))


def test_scores_that_are_called_probabilities_are_refused(tmp_path):
    with pytest.raises(ValueError, match="probabilities are not probabilities"):
        read_scores(saved(tmp_path, probabilities=scores()))


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_refused(content, tmp_path):
    (tmp_path / "cat.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"cat\.npz: not an npz or npy file"):
        read_scores(tmp_path / "cat.npz")


def place(tmp_path, values, *, picture=PICTURE, stride=None, longest_side=None, **more):
    file = read_scores(saved(tmp_path, scores=values, **more))
    return place_scores(file, picture, stride=stride, longest_side=longest_side)


def test_scores_of_every_pixel_stay_where_they_are(tmp_path):
    scored, told = place(tmp_path, scores(20, 28))
    np.testing.assert_array_equal(scored.grid.whole(), scores(20, 28))
    assert told == "a score for every pixel"


def test_fewer_scores_span_the_picture_corners_on_corners(tmp_path):
    scored, told = place(tmp_path, scores(5, 7))
    whole = scored.grid.whole()
    np.testing.assert_allclose(whole[:, ::19, ::27], scores(5, 7)[:, ::4, ::6], rtol=1e-5)
    assert told == "the corners of 7x5 scores on those of 28x20 pixels"


def test_a_stride_puts_the_first_score_on_the_first_pixel_and_lets_the_grid_go_on(tmp_path):
    scored, told = place(tmp_path, scores(9, 9), stride=4, size=[20, 28])
    whole = scored.grid.whole()
    np.testing.assert_allclose(whole[:, ::4, ::4], scores(9, 9)[:, :5, :7], rtol=1e-5)  # float32
    assert told == "one score every 4 pixels from the top left one on"


def test_a_shrunk_picture_keeps_the_scores_in_their_place(tmp_path):
    # Scores that rise linearly come out at the middle of the pixels that were averaged.
    ramp = np.broadcast_to(np.arange(28, dtype=np.float32), (3, 20, 28))
    scored, _ = place(tmp_path, ramp, longest_side=7)
    assert scored.seen.shape == (5, 7, 3)
    np.testing.assert_allclose(scored.seen_grid.whole()[0, 0], np.arange(7) * 4 + 1.5, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((5, 7), {"size": [19, 28]}, "scores of a picture of 28x19 pixels, but this one is 28x20"),
        ((9, 9), {"size": [20, 28]}, "say with --stride how many"),
        ((5, 7), {"stride": 3}, "7x5 scores at stride 3 do not cover 28x20 pixels"),
        ((5, 7), {"stride": 0}, "stride 0"),
        ((21, 28), {}, "28x21 scores are more than the picture's 28x20 pixels"),
    ],
)
def test_scores_that_cannot_be_those_of_the_picture_are_refused(shape, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        place(tmp_path, scores(*shape), **options)


def test_21_classes_without_names_are_those_of_voc():
    assert describe_classes(21).class_names == VOC12.class_names
    assert describe_classes(2).class_names == ("class 0", "class 1")
    with pytest.raises(ValueError, match="scores of 3 classes, but 2 class names"):
        describe_classes(3, ("a", "b"))


def test_a_folder_of_scores_labels_pictures_like_a_network(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "cat.png")
    saved(tmp_path, scores=scores(20, 28))
    folder = ScoreFolder(tmp_path, ("a", "b", "c"))
    assert tmp_path / "cat.png" in folder
    assert tmp_path / "dog.png" not in folder
    result = folder(tmp_path / "cat.png")
    np.testing.assert_array_equal(result.labels, scores(20, 28).argmax(axis=0))


def test_a_folder_of_scores_says_which_file_does_not_fit(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "cat.png")
    saved(tmp_path, scores=scores(30, 28))
    with pytest.raises(ValueError, match=r"cat\.npz: scores of 3 classes, but there are 2"):
        ScoreFolder(tmp_path, ("a", "b"))(tmp_path / "cat.png")
    with pytest.raises(ValueError, match=r"cat\.npz: 28x30 scores are more"):
        ScoreFolder(tmp_path, ("a", "b", "c"))(tmp_path / "cat.png")
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        ScoreFolder(tmp_path / "nowhere", ("a", "b"))
