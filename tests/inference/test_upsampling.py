"""The compiled module against numpy: the same labels and values to the last bit."""

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deeplab import imaging
from deeplab.inference import upsampling

kernel = pytest.importorskip("deeplab.inference._kernel", reason="nothing was compiled")

STORED = Path(__file__).parents[3] / "shared" / "data" / "voc12_scores_60"
SIZES = [
    (1, 1, 1, 1, 1),
    (21, 9, 13, 70, 101),
    (2, 1, 7, 33, 16),
    (40, 5, 3, 3, 40),
    (7, 12, 20, 6, 9),
]
SIZES_AND_KINDS = [
    (*size, kind) for size in SIZES for kind in ("smooth", "steep", "equal", "certain")
]


def made_scores(shape, kind, seed=0):
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    if kind == "steep":
        return values * np.float32(1e4)
    if kind == "equal":  # whole numbers: many classes share the highest score
        return np.round(values)
    if kind == "certain":
        values[seed % len(values)] += 40
    return values


def made_positions(length, size, seed=0):
    """Uneven, some equal, some on grid points, some beyond the grid."""
    random = np.random.default_rng(seed)
    positions = np.sort(random.uniform(-1.5, size + 0.5, length))
    return np.where(random.random(length) < 0.2, np.round(positions), positions)


def label_by_kernel(values, rows, columns, *, are_probabilities=False, threads=1, variant=None):
    labels = np.empty((len(rows), len(columns)), np.uint8)
    confidence = np.empty(labels.shape, np.float32)
    kernel.label(
        values,
        rows,
        columns,
        labels=labels,
        confidence=confidence,
        are_probabilities=are_probabilities,
        threads=threads,
        variant=variant or kernel.variants()[0],
    )
    return labels, confidence


@pytest.mark.parametrize("variant", kernel.variants())
@pytest.mark.parametrize(("classes", "h", "w", "height", "width", "kind"), SIZES_AND_KINDS)
def test_labels_are_those_of_numpy_at_every_pixel(classes, h, w, height, width, kind, variant):
    values = made_scores((classes, h, w), kind)
    rows, columns = made_positions(height, h), made_positions(width, w, 1)
    labels, confidence = label_by_kernel(values, rows, columns, variant=variant)
    expected = upsampling.label_plainly(values, rows, columns, are_probabilities=False)
    np.testing.assert_array_equal(labels, expected[0])
    np.testing.assert_allclose(confidence, expected[1], rtol=0, atol=1e-6)  # what it promises


@pytest.mark.parametrize("variant", kernel.variants())
@pytest.mark.parametrize(("classes", "h", "w", "height", "width", "kind"), SIZES_AND_KINDS)
def test_upsampled_values_are_those_of_numpy(classes, h, w, height, width, kind, variant):
    values = made_scores((classes, h, w), kind)
    rows, columns = made_positions(height, h), made_positions(width, w, 1)
    out = np.empty((classes, height, width), np.float32)
    kernel.upsample(values, rows, columns, out=out, threads=2, variant=variant)
    np.testing.assert_array_equal(out, imaging.sample_scores(values, rows, columns))


@pytest.mark.parametrize("variant", kernel.variants())
def test_the_confidence_of_probabilities_is_the_probability(variant):
    scores = np.exp(made_scores((21, 8, 9), "smooth") * 3)
    probabilities = scores / scores.sum(axis=0)
    for rows, columns in (
        (made_positions(50, 8), made_positions(70, 9)),
        (np.arange(8.0), np.arange(9.0)),  # the grid itself
    ):
        found = label_by_kernel(
            probabilities, rows, columns, are_probabilities=True, variant=variant
        )
        expected = upsampling.label_plainly(probabilities, rows, columns, are_probabilities=True)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("are_probabilities", [False, True])
def test_every_number_of_threads_gives_the_same_bits(are_probabilities):
    values = made_scores((21, 20, 30), "smooth")
    rows, columns = made_positions(201, 20), made_positions(150, 30)
    how = {"are_probabilities": are_probabilities}
    expected = label_by_kernel(values, rows, columns, **how)
    for threads in (2, 3, 8):
        found = label_by_kernel(values, rows, columns, threads=threads, **how)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


def test_mirrored_positions_give_the_mirrored_labels():
    values = made_scores((5, 6, 7), "smooth")
    rows, columns = made_positions(30, 6), made_positions(40, 7)
    plain, _ = label_by_kernel(values, rows, columns)
    mirrored, _ = label_by_kernel(values, rows[::-1].copy(), columns[::-1].copy())
    np.testing.assert_array_equal(mirrored, plain[::-1, ::-1])


def test_without_the_compiled_module_numpy_gives_the_same(monkeypatch):
    values, rows, columns = made_scores((4, 5, 6), "smooth"), np.arange(9) / 2, np.arange(11) / 2
    compiled = upsampling.label(values, rows, columns, are_probabilities=False)
    whole = upsampling.upsample(values, rows, columns)
    monkeypatch.setattr(upsampling, "_kernel", None)
    plain = upsampling.label(values, rows, columns, are_probabilities=False)
    np.testing.assert_array_equal(compiled[0], plain[0])
    np.testing.assert_allclose(compiled[1], plain[1], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(whole, upsampling.upsample(values, rows, columns))


@pytest.mark.parametrize(("most", "expected"), [(None, 8), (1, 1), (3, 3)])
def test_no_more_threads_work_than_were_asked_for(most, expected, monkeypatch):
    used = []

    def label(*arrays, threads, **how):
        used.append(threads)
        kernel.label(*arrays, threads=threads, **how)

    def upsample(*arrays, threads, **how):
        used.append(threads)
        kernel.upsample(*arrays, threads=threads, **how)

    watched = SimpleNamespace(label=label, upsample=upsample, variants=kernel.variants)
    monkeypatch.setattr(upsampling, "_kernel", watched)
    monkeypatch.setattr(upsampling, "num_cores", lambda: 8)
    grid = np.zeros((9, 2, 2), np.float32), np.zeros(1000), np.zeros(1000)  # worth 8 threads
    upsampling.label(*grid, are_probabilities=False, threads=most)
    upsampling.upsample(*grid, threads=most)
    assert used == [expected, expected]


def test_that_nothing_was_compiled_is_told_once(monkeypatch, caplog):
    monkeypatch.setattr(upsampling, "_kernel", None)
    upsampling._tell_nothing_is_compiled.cache_clear()
    with caplog.at_level(logging.INFO, logger="deeplab"):
        for _ in range(2):
            upsampling.label(
                np.zeros((2, 1, 1), np.float32), np.zeros(1), np.zeros(1), are_probabilities=False
            )
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "compiled module" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rows": np.array([np.nan])}, "rows are not finite"),
        ({"columns": np.empty(0)}, "columns: 1 to"),
        ({"values": np.zeros((2, 0, 3), np.float32)}, "not empty"),
        ({"values": np.zeros((300, 2, 3), np.float32)}, "too narrow"),
        ({"labels": np.zeros((2, 1), np.uint8)}, "another size"),
        ({"threads": 0}, "threads: 1 to 256"),
        ({"variant": "mmx"}, "this processor can run"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, message):
    given = {
        "values": np.zeros((2, 2, 3), np.float32),
        "rows": np.zeros(1),
        "columns": np.zeros(1),
        "labels": np.zeros((1, 1), np.uint8),
        "confidence": np.zeros((1, 1), np.float32),
        "are_probabilities": False,
        "threads": 1,
        "variant": kernel.variants()[0],
    }
    with pytest.raises(ValueError, match=message):
        kernel.label(**(given | wrong))


def test_scores_that_are_not_numbers_do_no_harm():
    values = np.full((3, 4, 5), np.nan, np.float32)
    labels, _ = label_by_kernel(values, made_positions(20, 4), made_positions(30, 5))
    assert labels.max() < 3


@pytest.mark.skipif(not STORED.is_dir(), reason=f"needs the stored class scores in {STORED}")
def test_labels_of_real_scores_are_those_of_numpy_at_every_pixel():
    for path in sorted(STORED.glob("*.npz"))[::10]:
        with np.load(path) as file:
            values = file["scores"].astype(np.float32)
            rows, columns = (np.arange(length) / 8 for length in file["size"])
        labels, confidence = label_by_kernel(values, rows, columns, threads=2)
        expected = upsampling.label_plainly(values, rows, columns, are_probabilities=False)
        np.testing.assert_array_equal(labels, expected[0])
        np.testing.assert_allclose(confidence, expected[1], rtol=0, atol=1e-6)
