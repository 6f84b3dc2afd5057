import base64

import numpy as np
import pytest
from PIL import Image
from tests.data.annotation_files import (
    SIZE,
    coco,
    cvat,
    label_studio_task,
    labelme,
    read,
    save_json,
    save_picture,
    square,
)

from deeplab.data import open_split
from deeplab.data.convert import ConvertOptions, convert

CAT = {"segmentation": [square(0, 0, 4, 4)]}
DOG = {"segmentation": [square(5, 5, 9, 8)], "category_id": 2}


@pytest.fixture
def source(tmp_path):
    """A cat and a dog on a.jpg, in COCO's format."""
    save_picture(tmp_path / "from" / "a.jpg")
    save_json(tmp_path / "from" / "labels.json", coco([CAT, DOG]))
    return tmp_path / "from"


def run(source, **options):
    return convert(source, source.parent / "to", ConvertOptions(**options))


def test_background_is_class_0_and_the_set_can_be_opened(source, tmp_path):
    converted = run(source)
    data = open_split(tmp_path / "to", "all")
    assert data.label_set.class_names == ("background", "cat", "dog")
    labels = data.samples[0].read_labels(3)
    assert (labels[:4, :4] == 1).all()
    assert (labels[5:, 5:9] == 2).all()
    assert (labels > 0).sum() == 28
    assert (tmp_path / "to" / "images" / "a.jpg").samefile(source / "a.jpg")
    assert converted.format == "COCO JSON"


def test_a_second_time_nothing_is_written(source, tmp_path):
    first = run(source)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "to").rglob("*")}
    second = run(source)
    assert second.prepared.written.num_changed == 0
    assert second.prepared.written.label_hash == first.prepared.written.label_hash
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "to").rglob("*")} == times


def test_all_four_tools_say_the_same_of_the_same_region(tmp_path):
    height, width = SIZE
    corners = [[2, 2], [6, 2], [6, 6], [2, 6]]
    per_cent = [[100 * x / width, 100 * y / height] for x, y in corners]
    value = {"points": per_cent, "polygonlabels": ["cat"]}
    task = label_studio_task([{"type": "polygonlabels", "value": value}])
    points = ";".join(f"{x},{y}" for x, y in corners)
    inside = [[2, 2], [5, 2], [5, 5], [2, 5]]  # labelme: pixels on the outline belong to it
    written = {
        "coco.json": coco([{"segmentation": [square(2, 2, 6, 6)]}], categories={1: "cat"}),
        "labelme.json": labelme([{"label": "cat", "points": inside}]),
        "studio.json": [task],
    }
    hashes = set()
    for name in (*written, "cvat.xml"):
        folder = tmp_path / name
        save_picture(folder / "a.jpg")
        if name == "cvat.xml":
            shape = f'<polygon label="cat" points="{points}"/>'
            (folder / name).write_text(cvat(shape, labels=("cat",)))
        else:
            save_json(folder / name, written[name])
        converted = convert(folder, tmp_path / f"to-{name}", ConvertOptions())
        hashes.add(converted.prepared.written.label_hash)
    assert len(hashes) == 1


def test_classes_are_chosen_and_ordered(source, tmp_path):
    converted = run(source, class_names=("dog",))
    assert open_split(tmp_path / "to", "all").label_set.class_names == ("background", "dog")
    assert (read(tmp_path / "to" / "masks" / "a.png") == 1).sum() == 12
    assert "1 region of cat left out" in converted.notes


def test_classes_can_be_void(source, tmp_path):
    run(source, void=("cat",))
    labels = read(tmp_path / "to" / "masks" / "a.png")
    assert ((labels == 255).sum(), (labels == 1).sum()) == (16, 12)


def test_background_and_ignore_mean_what_they_are_called(tmp_path):
    save_picture(tmp_path / "from" / "a.jpg")
    box = {"shape_type": "rectangle"}
    shapes = [
        {**box, "label": "cat", "points": [[0, 0], [9, 7]]},
        {**box, "label": "_background_", "points": [[0, 0], [4, 7]]},
        {**box, "label": "__ignore__", "points": [[0, 0], [4, 0]]},
    ]
    save_json(tmp_path / "from" / "a.json", labelme(shapes))
    run(tmp_path / "from")
    labels = read(tmp_path / "to" / "masks" / "a.png")
    assert [(labels == value).sum() for value in (0, 1, 255)] == [35, 40, 5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_names": ("cta",)}, "unknown class 'cta': did you mean 'cat'"),
        ({"void": ("bird",)}, "unknown class 'bird'"),
        ({"class_names": ("cat",), "void": ("cat",)}, "cat cannot be both"),
        ({"void": ("cat", "dog")}, "no class beside background and void"),
    ],
)
def test_wrong_choices_of_classes_are_refused(source, options, message):
    with pytest.raises(ValueError, match=message):
        run(source, **options)


def test_pictures_may_lie_elsewhere(source, tmp_path):
    (source / "a.jpg").rename(tmp_path / "b.jpg")
    with pytest.raises(ValueError, match=r"1 of 1 pictures are not below .*: a\.jpg; .*--images"):
        run(source)
    save_picture(tmp_path / "photos" / "deep" / "a.jpg")
    run(source, images_dir=tmp_path / "photos")
    assert (tmp_path / "to" / "images" / "a.jpg").is_file()
    with pytest.raises(ValueError, match=r"--images .*: no such folder"):
        run(source, images_dir=tmp_path / "nowhere")


def test_missing_pictures_are_left_out_if_wanted(source, tmp_path):
    save_json(source / "labels.json", coco([CAT], names=("a.jpg", "gone.jpg")))
    with pytest.raises(ValueError, match=r"1 of 2 pictures .*gone\.jpg"):
        run(source)
    converted = run(source, skip_missing=True)
    assert converted.prepared.counts == {"all": 1}
    assert "1 picture not found and left out: gone.jpg" in converted.notes


def test_a_picture_of_another_size_is_an_error(source):
    save_picture(source / "a.jpg", (16, 20))
    with pytest.raises(ValueError, match=r"is 20x16 pixels, but .* annotates a\.jpg at 10x8"):
        run(source)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_label_maps_of_turned_photos_lie_as_the_photo_is_read(source, tmp_path, orientation):
    """Annotated as the file is stored, and annotated upright: both fit the upright picture."""
    stored = np.zeros(SIZE, np.uint8)
    stored[:4, :4], stored[5:, 5:9] = 1, 2
    save_picture(source / "a.jpg", orientation=orientation)
    turned = Image.fromarray(stored)
    if orientation in (5, 6, 7, 8):  # else sizes do not tell, and tools show photos upright
        file = tmp_path / "mask.png"
        exif = turned.getexif()
        exif[0x0112] = orientation
        turned.save(file, exif=exif)
        from PIL import ImageOps

        turned = ImageOps.exif_transpose(Image.open(file))
    run(source)
    assert np.array_equal(read(tmp_path / "to" / "masks" / "a.png"), np.asarray(turned))


def test_a_picture_inside_the_annotation_file_is_taken_if_there_is_no_other(tmp_path):
    photo = save_picture(tmp_path / "photo.jpg")
    data = base64.b64encode(photo.read_bytes()).decode()
    shape = {"label": "cat", "points": [[0, 0], [5, 0], [0, 5]]}
    save_json(tmp_path / "from" / "x.json", labelme([shape], imageData=data, imagePath="gone.jpg"))
    for num_changed in (1, 0):
        assert run(tmp_path / "from").prepared.written.num_changed == num_changed
    assert (tmp_path / "to" / "images" / "x.jpg").read_bytes() == photo.read_bytes()


def test_pictures_of_one_name_in_two_splits_get_names_of_their_own(tmp_path):
    for split in ("train", "valid"):
        save_picture(tmp_path / "from" / split / "a.jpg")
        save_json(tmp_path / "from" / split / "_annotations.coco.json", coco([CAT, DOG]))
    converted = run(tmp_path / "from")
    assert converted.prepared.counts == {"train": 1, "valid": 1}
    for split in ("train", "valid"):
        (sample,) = open_split(tmp_path / "to", split).samples
        assert sample.picture_path.samefile(tmp_path / "from" / split / "a.jpg")


def test_one_picture_annotated_twice_is_an_error(source):
    save_json(source / "more.json", coco([CAT]))
    with pytest.raises(ValueError, match=r"annotated twice, in .* \(split 'labels' and 'more'\)"):
        run(source)


def test_the_folder_of_the_annotations_is_not_written_over(source):
    with pytest.raises(ValueError, match="is where the annotations are"):
        convert(source, source, ConvertOptions())


def test_regions_that_do_not_fit_name_picture_and_region(source):
    save_json(source / "labels.json", coco([{"segmentation": [square(500, 0, 600, 9)]}]))
    with pytest.raises(ValueError, match=r"1 of 1 pictures could not be prepared: .*annotation 1"):
        run(source)


def test_names_from_files_of_others_do_not_lead_out_of_the_folder(tmp_path):
    folder = tmp_path / "from"
    images = "".join(
        f'<image name="{name}.jpg" subset="../{name}" width="10" height="8">'
        '<polygon label="cat" points="0,0;4,0;0,4"/></image>'
        for name in "ab"
    )
    for name in "ab":
        save_picture(folder / f"{name}.jpg")
    (folder / "x.xml").write_text(cvat("", image=images))
    assert run(folder).prepared.counts == {"a": 1, "b": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "to"]


def test_label_maps_of_a_converted_set_come_back_from_run_lengths(source, tmp_path):
    """The way back: label map to COCO's run lengths, converted again, is the same label map."""
    from tests.data.annotation_files import coco_runs

    run(source)
    labels = read(tmp_path / "to" / "masks" / "a.png")
    again = [
        {
            "segmentation": {"size": list(SIZE), "counts": coco_runs(labels == label)},
            "category_id": label,
        }
        for label in (1, 2)
    ]
    save_json(source / "labels.json", coco(again))
    assert run(source).prepared.written.num_changed == 0


def test_real_files_of_coco_and_labelme_become_data_sets(real_data, tmp_path):
    for folder, count in (("coco", 10), ("labelme/semantic_segmentation/data_annotated", 3)):
        target = tmp_path / folder.replace("/", "-")
        converted = convert(real_data / "formats" / folder, target, ConvertOptions())
        assert converted.prepared.written.num_pairs == count
