import numpy as np
import pytest
from PIL import Image
from tests.data.init.samples import labels_of, write_labels, write_pair, write_picture

from deeplab.data import open_split
from deeplab.data.duplicates import find_leaks, fingerprint
from deeplab.data.init import Wishes, look, write
from deeplab.labels import CITYSCAPES, VOC12, VOID, voc_palette

RED, GREEN, GREY = (200, 0, 0), (0, 200, 0), (128, 128, 128)


def make(root, values=(0, 1, 2), *, count=6) -> None:
    for seed in range(count):
        split = "val" if seed == count - 1 else "train"
        write_pair(root, f"images/{split}/{seed}.jpg", f"masks/{split}/{seed}.png", seed, values)


def init(root, **wishes):
    plan = look(root, Wishes(**wishes))
    write(plan)
    return plan


def read(root, split="train") -> dict[str, np.ndarray]:
    data = open_split(root, split)
    return {s.name: s.read_labels(len(data.label_set.class_names)) for s in data.samples}


def ids(seed: int, table: dict) -> np.ndarray:
    """The label map of `make`, with ids of the values by a table."""
    places = labels_of(seed, range(len(table)))
    return np.array([*table.values()])[places]


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ({0: 0, 1: 1, 2: 2}, ("class_0", "class_1", "class_2")),
        ({0: 0, 1: 1, 2: 2, 255: VOID}, ("class_0", "class_1", "class_2")),
        ({0: 0, 255: 1}, ("background", "foreground")),
        ({0: 0, 1: 1}, ("background", "foreground")),
        ({0: 0, 1: 1, 255: VOID}, ("background", "foreground")),
        ({1: 0, 2: 1, 3: 2}, ("class_1", "class_2", "class_3")),
        ({0: 0, 50: 1, 100: 2}, ("class_0", "class_50", "class_100")),
        ({0: 0, 128: 1, 255: 2}, ("class_0", "class_128", "class_255")),
        ({0: 0, 1: 1, 4: 4, 3: 3}, tuple(f"class_{label}" for label in range(5))),
    ],
)
def test_values_without_names_become_classes(table, names, tmp_path):
    make(tmp_path, [*table])
    init(tmp_path)
    assert open_split(tmp_path, "train").label_set.class_names == names
    for name, labels in read(tmp_path).items():
        np.testing.assert_array_equal(labels, ids(int(name), table))


@pytest.mark.parametrize(
    ("file", "table", "names"),
    [
        ("sky\nroad\ncar", {0: 0, 1: 1, 2: 2}, ("sky", "road", "car")),
        ("sky\nroad\nvoid", {0: 0, 1: 1, 2: VOID}, ("sky", "road")),
        ("Unlabelled\nsky\nroad", {0: VOID, 1: 0, 2: 1}, ("sky", "road")),
        ("7 road\n8 walk\n0 ignore", {7: 0, 8: 1, 0: VOID}, ("road", "walk")),
        ("thing", {0: 0, 255: 1}, ("background", "thing")),
        ("no\nyes", {0: 0, 255: 1}, ("no", "yes")),
        ("a\nb\nc", {1: 0, 2: 1, 3: 2}, ("a", "b", "c")),
        ("cat\ndog", {0: 0, 1: 1, 2: 2}, ("background", "cat", "dog")),
    ],
)
def test_values_with_names_become_their_classes(file, table, names, tmp_path):
    make(tmp_path, [*table])
    (tmp_path / "classes.txt").write_text(file)
    init(tmp_path)
    assert open_split(tmp_path, "train").label_set.class_names == names
    for name, labels in read(tmp_path).items():
        np.testing.assert_array_equal(labels, ids(int(name), table))


def test_names_and_void_can_be_given(tmp_path):
    make(tmp_path, (0, 1, 2))
    init(tmp_path, classes=("sky", "road"), void=(2,))
    assert open_split(tmp_path, "val").label_set.class_names == ("sky", "road")
    np.testing.assert_array_equal(read(tmp_path, "val")["5"], ids(5, {0: 0, 1: 1, 2: VOID}))


def test_a_highest_value_along_all_borders_is_void_unless_denied(tmp_path):
    rows, columns = np.mgrid[:60, :60]
    labels = (rows // 20 + columns // 20) % 3
    labels[(rows % 20 < 1) | (columns % 20 < 1)] = 3
    for seed, split in enumerate(("train", "train", "val")):
        write_pair(tmp_path, f"images/{split}/{seed}.png", f"masks/{split}/{seed}.png", seed)
        write_picture(tmp_path / f"images/{split}/{seed}.png", seed, height=60, width=60)
        Image.fromarray(labels.astype(np.uint8)).save(tmp_path / f"masks/{split}/{seed}.png")
    plan = init(tmp_path)
    assert plan.description.coding.void == (3,)
    assert "void: 3, the highest value" in plan.notes[0]
    assert set(np.unique(read(tmp_path)["0"])) == {0, 1, 2, VOID}
    plan = init(tmp_path, void=(), overwrite=True)
    assert plan.description.label_set.class_names[-1] == "class_3"


def test_colours_become_classes_in_the_order_of_their_file(tmp_path):
    make(tmp_path, (RED, GREEN, GREY))
    (tmp_path / "class_dict.csv").write_text(
        "name,r,g,b\nroad,0,200,0\nVoid,128,128,128\ncar,200,0,0\nbus,9,9,9\n"
    )
    plan = init(tmp_path)
    assert plan.description.label_set.class_names == ("road", "car", "bus")
    assert plan.notes == ("classes: 1 never occur: bus",)
    for name, labels in read(tmp_path).items():
        np.testing.assert_array_equal(labels, ids(int(name), {RED: 1, GREEN: 0, GREY: VOID}))


def test_colours_without_names_become_classes_from_dark_to_light(tmp_path):
    make(tmp_path, (RED, GREEN, (0, 0, 0)))
    plan = init(tmp_path)
    assert plan.description.label_set.palette == ((0, 0, 0), GREEN, RED)
    np.testing.assert_array_equal(read(tmp_path)["0"], ids(0, {RED: 2, GREEN: 1, 0: 0}))


def test_black_and_white_is_background_and_foreground(tmp_path):
    make(tmp_path, ((255, 255, 255), (0, 0, 0)))
    init(tmp_path)
    assert open_split(tmp_path, "train").label_set.class_names == ("background", "foreground")
    np.testing.assert_array_equal(read(tmp_path)["0"], ids(0, {"white": 1, "black": 0}))


def test_palettes_that_are_sorted_anew_in_each_file_are_read_by_their_colours(tmp_path):
    colours = [RED, GREEN, (0, 0, 0)]
    make(tmp_path, colours)
    for path in tmp_path.glob("masks/*/*.png"):
        order = np.random.default_rng(int(path.stem)).permutation(3)
        indexed = Image.fromarray(np.argsort(order)[labels_of(int(path.stem))].astype(np.uint8))
        indexed.putpalette(np.array(colours, np.uint8)[order].tobytes())
        indexed.save(path)
    init(tmp_path)
    for name, labels in read(tmp_path).items():
        np.testing.assert_array_equal(labels, ids(int(name), {RED: 2, GREEN: 1, 0: 0}))


def test_voc_folders_with_its_palette_have_its_classes(tmp_path):
    for seed in range(5):
        write_picture(tmp_path / "JPEGImages" / f"{seed}.jpg", seed)
        path = tmp_path / "SegmentationClass" / f"{seed}.png"
        path.parent.mkdir(exist_ok=True)
        image = Image.fromarray(labels_of(seed, (0, 15, VOID)).astype(np.uint8))
        image.putpalette(np.array(voc_palette(), np.uint8).tobytes())
        image.save(path)
    init(tmp_path)
    assert open_split(tmp_path, "train").label_set.class_names == VOC12.class_names


def test_the_palette_of_the_files_colours_the_classes(tmp_path):
    make(tmp_path)
    for path in tmp_path.glob("masks/*/*.png"):
        image = Image.open(path).copy()
        image.putpalette(np.array([RED, GREEN, GREY], np.uint8).tobytes())
        image.save(path)
    init(tmp_path)
    assert open_split(tmp_path, "train").label_set.palette == (RED, GREEN, GREY)


@pytest.mark.parametrize(
    ("values", "file", "message"),
    [
        ((0, 1, 5), "a\nb\nc", r"values 5, but classes\.txt names 3 classes \(0\.\.2\).*--void 5"),
        ((RED, GREEN), "a\nb\nc", r"classes\.txt names 3 classes, the label maps hold 2 colours"),
        ((0, 255), "a\nb\nc", "hold 0 and 255 alone, but"),
        ((255, 255), "", "all label maps are void"),
    ],
)
def test_values_that_do_not_fit_are_refused(values, file, message, tmp_path):
    make(tmp_path, values)
    if file:
        (tmp_path / "classes.txt").write_text(file)
    with pytest.raises(ValueError, match=message):
        look(tmp_path, Wishes())


def test_colours_that_are_not_in_the_file_are_refused_by_name(tmp_path):
    make(tmp_path, (RED, GREEN))
    (tmp_path / "classes.csv").write_text("name,r,g,b\nroad,0,200,0\n")
    with pytest.raises(ValueError, match=r"1 colours .* not in classes\.csv \(\(200, 0, 0\)"):
        look(tmp_path, Wishes())


def test_smoothed_label_maps_are_refused(tmp_path):
    make(tmp_path, (RED, GREEN, (0, 0, 0)))
    for path in tmp_path.glob("masks/*/*.png"):
        image = Image.open(path).resize((400, 300), Image.Resampling.BICUBIC)
        image.save(path)
    with pytest.raises(ValueError, match=r"smooth \(anti-aliased\) borders"):
        look(tmp_path, Wishes())


def test_lossy_label_maps_are_refused(tmp_path):
    for seed in range(3):
        write_pair(tmp_path, f"images/{seed}.png", f"masks/{seed}.jpg", seed)
    with pytest.raises(ValueError, match=r"3 of 3 pictures cannot be used: .*JPEG blurs"):
        look(tmp_path, Wishes())


def test_label_maps_of_two_kinds_are_refused(tmp_path):
    make(tmp_path)
    write_labels(tmp_path / "masks" / "train" / "0.png", 0, (RED, GREEN))
    with pytest.raises(ValueError, match=r"1 label maps hold colours, 5 hold values"):
        look(tmp_path, Wishes())


def test_a_damaged_file_is_left_out_and_told(tmp_path):
    make(tmp_path)
    (tmp_path / "masks" / "train" / "0.png").write_bytes(b"no picture")
    plan = init(tmp_path)
    assert [*read(tmp_path)] == ["1", "2", "3", "4"]
    assert any("left out: 1 that cannot be used" in note for note in plan.notes)


def test_other_sizes_are_told(tmp_path):
    make(tmp_path)
    write_picture(tmp_path / "images" / "train" / "0.jpg", 0, height=31)
    plan = look(tmp_path, Wishes())
    assert any("sizes: 1 label maps have another size" in note for note in plan.notes)


def test_pictures_are_dealt_without_leaks_and_read_back(tmp_path):
    for seed in range(20):
        write_pair(tmp_path, f"images/{seed}.png", f"masks/{seed}_m.png", seed)
        again = Image.open(tmp_path / f"images/{seed}.png").resize((80, 60))
        again.save(tmp_path / f"images/{seed}b.png")
        write_labels(tmp_path / f"masks/{seed}b_m.png", seed)
    plan = init(tmp_path, val=0.25, test=0.15)
    assert sum(plan.num_pictures.values()) == 40
    assert plan.num_pictures == {"train": 24, "val": 10, "test": 6}
    split_of = {}
    for split in plan.num_pictures:
        for sample in open_split(tmp_path, split).samples:
            split_of[sample.name] = split
            assert sample.label_path.name == f"{sample.name}_m.png"
    assert all(split_of[str(seed)] == split_of[f"{seed}b"] for seed in range(20))
    prints = {name: fingerprint(tmp_path / f"images/{name}.png") for name in split_of}
    assert find_leaks(prints, split_of) == []


def test_odd_names_are_dealt_in_lists_of_pairs(tmp_path):
    for seed in range(5):
        write_pair(tmp_path, f"a b/images/img {seed}.png", f"a b/masks/mask {seed}.png", seed)
    init(tmp_path)
    samples = [s for split in ("train", "val") for s in open_split(tmp_path, split).samples]
    assert len(samples) == 5
    for sample in samples:
        assert sample.picture_path.stem[-1] == sample.label_path.stem[-1]


def test_the_same_seed_deals_alike_and_another_one_does_not(tmp_path):
    for seed in range(20):
        write_pair(tmp_path, f"images/{seed}.png", f"masks/{seed}.png", seed)
    texts = [look(tmp_path, Wishes(seed=seed)).files for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_leaks_between_splits_that_are_there_are_told_and_kept(tmp_path):
    make(tmp_path)
    Image.open(tmp_path / "images/train/0.jpg").resize((80, 60)).save(tmp_path / "images/val/x.png")
    write_labels(tmp_path / "masks/val/x.png", 0)
    plan = init(tmp_path)
    assert any(
        "val: 1 pictures have a near-duplicate in train, such as x and 0" in note
        for note in plan.notes
    )
    assert plan.num_pictures == {"train": 5, "val": 2}


def test_files_that_are_there_are_not_replaced_unless_wished(tmp_path):
    for seed in range(5):
        write_pair(tmp_path, f"images/{seed}.png", f"masks/{seed}.png", seed)
    (tmp_path / "train.txt").write_text("notes of mine\n")
    with pytest.raises(ValueError, match=r"train\.txt is there already"):
        look(tmp_path, Wishes())
    init(tmp_path, overwrite=True)
    with pytest.raises(ValueError, match=r"data\.yaml is there already"):
        look(tmp_path, Wishes())
    before = (tmp_path / "train.txt").read_text()
    assert init(tmp_path, overwrite=True).num_pictures == {"train": 4, "val": 1}
    assert (tmp_path / "train.txt").read_text() == before
    with pytest.raises(ValueError, match=r"there are splits already"):
        look(tmp_path, Wishes(val=0.4, target=tmp_path / "elsewhere"))
    assert init(tmp_path, val=0.4, overwrite=True).num_pictures == {"train": 3, "val": 2}


def test_nothing_is_written_by_looking(tmp_path):
    make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    look(tmp_path, Wishes())
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("val", [0.0, 1.0, -0.1])
def test_shares_that_leave_nothing_are_refused(val, tmp_path):
    with pytest.raises(ValueError, match=r"give shares of all pictures"):
        look(tmp_path, Wishes(val=val))


def test_real_camvid_is_described_as_it_is(real_data, tmp_path):
    plan = init(real_data / "camvid", target=tmp_path)
    assert plan.description.coding.void == (11,)
    assert plan.num_pictures == {"train": 367, "val": 101}
    data = open_split(tmp_path, "val")
    assert len(data.label_set.class_names) == 11
    stored = np.asarray(Image.open(data.samples[0].label_path))
    np.testing.assert_array_equal(
        data.samples[0].read_labels(11), np.where(stored == 11, VOID, stored)
    )
    assert not any("near-duplicate" in note for note in plan.notes)


def test_real_coco_pictures_are_dealt_with_all_classes_on_both_sides(real_data, tmp_path):
    plan = init(real_data / "coco_voc20", target=tmp_path)
    assert plan.num_pictures == {"train": 353, "val": 90}
    assert plan.description.label_set.class_names == VOC12.class_names
    shares = {split: pixels[:21] / pixels.sum() for split, pixels in plan.pixels.items()}
    assert (shares["val"] > 0).all()
    assert abs(shares["val"] - shares["train"]).max() < 0.03
    open_split(tmp_path, "val").samples[0].read_labels(21)


def test_real_cityscapes_is_described_as_it_is_read_without_description(real_data, tmp_path):
    root = real_data / "formats" / "cityscapes"
    init(root, target=tmp_path)
    known = {sample.name: sample for sample in open_split(root, "train").samples}
    data = [open_split(tmp_path, split) for split in ("train", "val")]
    assert data[0].label_set.class_names == CITYSCAPES.class_names
    assert data[0].label_set.palette == CITYSCAPES.palette
    samples = [sample for one in data for sample in one.samples]
    assert {sample.name for sample in samples} == set(known)
    for sample in samples:
        assert sample.picture_path == known[sample.name].picture_path
        np.testing.assert_array_equal(sample.read_labels(19), known[sample.name].read_labels(19))
