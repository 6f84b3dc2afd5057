import numpy as np
import pytest
from PIL import Image
from tests.data.annotation_files import SIZE
from tests.data.annotation_files import cvat as make

from deeplab.data import cvat
from deeplab.data.annotated import Annotations, ReadOptions


def read(tmp_path, text: str, *, line_width: int | None = None) -> Annotations:
    path = tmp_path / "annotations.xml"
    path.write_text(text)
    return cvat.read([path], tmp_path, ReadOptions(line_width))


def paint(annotations: Annotations, number: int = 0) -> np.ndarray:
    picture = annotations.pictures[number]
    labels = np.zeros(picture.size or SIZE, np.uint8)
    for region in picture.regions:
        region.paint(labels, 1 + annotations.class_names.index(region.class_name))
    return labels


def box(left, top, right, bottom, label="cat", **more) -> str:
    rest = "".join(f' {key}="{value}"' for key, value in more.items())
    corners = f'xtl="{left}" ytl="{top}" xbr="{right}" ybr="{bottom}"'
    return f'<box label="{label}" {corners}{rest}></box>'


def test_boxes_polygons_and_masks_of_the_same_pixels_are_the_same(tmp_path):
    rows = ", ".join(["0", "12"])
    for shape in (
        box(2, 3, 6, 6),
        '<polygon label="cat" points="2.0,3.0;6.0,3.0;6.0,6.0;2.0,6.0"/>',
        f'<mask label="cat" rle="{rows}" left="2" top="3" width="4" height="3"/>',
    ):
        labels = paint(read(tmp_path, make(shape)))
        assert labels.sum() == labels[3:6, 2:6].sum() == 12


def test_a_mask_goes_row_by_row_of_its_box(tmp_path):
    shape = '<mask label="dog" rle="1, 2, 3, 1, 2" left="4" top="2" width="3" height="3"/>'
    labels = paint(read(tmp_path, make(shape)))
    assert labels[2:5, 4:7].tolist() == [[0, 2, 2], [0, 0, 0], [2, 0, 0]]


def test_z_order_counts_before_the_order_in_the_file(tmp_path):
    above = box(0, 0, 4, 4, "dog", z_order=1)
    assert paint(read(tmp_path, make(above + box(0, 0, 8, 8, z_order=0))))[0, 0] == 2
    assert paint(read(tmp_path, make(box(0, 0, 4, 4, "dog") + box(0, 0, 8, 8))))[0, 0] == 1
    assert paint(read(tmp_path, make(box(0, 0, 4, 4) + box(0, 0, 8, 8, "dog", z_order=-1))))[0, 0]


def test_turned_boxes_turn_about_their_centre_and_come_last(tmp_path):
    turned = box(2, 3, 8, 5, "dog", rotation="90.00")
    labels = paint(read(tmp_path, make(turned + box(0, 0, 10, 8))))
    assert (labels == 2).sum() == 12
    assert (labels[1:7, 4:6] == 2).all()


def test_an_ellipse_is_turned_as_boxes_are(tmp_path):
    text = '<ellipse label="cat" cx="5" cy="4" rx="4" ry="1.5" rotation="{}"/>'
    lying = paint(read(tmp_path, make(text.format(0))))
    assert lying[4].sum() > 3 * lying[:, 5].sum() / 2
    standing = paint(read(tmp_path, make(text.format(90))))
    assert standing[:, 5].sum() > 3 * standing[4].sum() / 2


def test_lines_are_left_out_with_a_note_unless_a_width_is_given(tmp_path):
    line = '<polyline label="cat" points="0,4;9,4"/>'
    left_out = read(tmp_path, make(line))
    assert not left_out.pictures[0].regions
    assert left_out.notes == ("1 polyline left out", "lines are drawn with --line-width PIXELS")
    assert paint(read(tmp_path, make(line), line_width=3)).sum() == 30


def test_skeletons_points_and_tags_cover_nothing(tmp_path):
    shapes = (
        '<skeleton label="cat" z_order="0"><points label="1" points="1,1"/></skeleton>'
        '<points label="cat" points="1,2;3,4"/><tag label="cat"/>'
    )
    annotations = read(tmp_path, make(shapes))
    assert not annotations.pictures[0].regions
    assert annotations.notes == ("1 points left out", "1 skeleton left out")


def test_frames_of_a_video_show_what_is_not_outside(tmp_path):
    def frame(number: int, outside: int) -> str:
        return box(0, 0, 4, 4, frame=number, outside=outside, keyframe=1).replace(
            'label="cat" ', ""
        )

    track = f'<track id="0" label="dog">{frame(3, 0)}{frame(6, 1)}</track>'
    annotations = read(tmp_path, make("", image=track))
    assert [picture.file_name for picture in annotations.pictures] == [
        "frame_000003",
        "frame_000006",
    ]
    assert paint(annotations).sum() == 32
    assert not annotations.pictures[1].regions


def test_labels_are_in_order_without_tags_and_joints(tmp_path):
    labels = "".join(
        f"<label><name>{name}</name><type>{kind}</type>{more}</label>"
        for name, kind, more in (
            ("dog", "mask", ""),
            ("day", "tag", ""),
            ("man", "skeleton", ""),
            ("1", "points", "<parent>man</parent>"),
            ("cat", "polygon", ""),
        )
    )
    text = make("").replace("<labels>", f"<labels>{labels}")
    assert read(tmp_path, text).class_names == ("dog", "cat")


def test_subsets_are_splits_if_there_are_several(tmp_path):
    def image(subset: str) -> str:
        return f'<image name="{subset}.jpg" subset="{subset}" width="10" height="8"/>'

    one = read(tmp_path, make("", image=image("Train")))
    assert [picture.split for picture in one.pictures] == ["all"]
    two = read(tmp_path, make("", image=image("Train") + image("Test")))
    assert [picture.split for picture in two.pictures] == ["Train", "Test"]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ('<polygon label="cat" points="1,1;2,2"/>', "2 points; it has at least 3"),
        ('<polygon label="cat" points="1,1;2;3,3"/>', "where a point"),
        ('<polygon label="cat" points="1,1;2,nan;3,3"/>', "allowed is"),
        ('<polygon label="cat"/>', "points: None"),
        ('<box label="cat" xtl="1" ytl="1" xbr="2"/>', "ybr: None"),
        ('<mask label="cat" rle="3" left="0" top="0" width="99999" height="99999"/>', "at most"),
        ('<mask label="cat" rle="a, b" left="0" top="0" width="2" height="2"/>', "rle: 'a'"),
        (box(0, 0, 1, 1, rotation="inf"), "rotation: 'inf'"),
    ],
)
def test_wrong_shapes_are_named(tmp_path, shape, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, make(shape))
    assert "annotations.xml: image a.jpg" in str(caught.value)


def test_a_mask_that_does_not_fill_its_box_is_refused(tmp_path):
    shape = '<mask label="cat" rle="3, 2" left="0" top="0" width="2" height="2"/>'
    with pytest.raises(ValueError, match="sum up to 5, not to 4"):
        paint(read(tmp_path, make(shape)))


def test_xml_bombs_and_broken_files_are_refused(tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY x "xxxx"><!ENTITY y "&x;&x;">]><annotations>&y;</annotations>'
    with pytest.raises(ValueError, match=r"annotations\.xml: refused, for it defines types"):
        read(tmp_path, bomb)
    with pytest.raises(ValueError, match=r"annotations\.xml: not XML, or cut short"):
        read(tmp_path, make(box(0, 0, 1, 1))[:-9])
    with pytest.raises(ValueError, match=r"not an export of CVAT for images 1.1 \(<annotation>\)"):
        read(tmp_path, "<annotation><object/></annotation>")


def test_real_small_exports_are_read(real_data):
    folder = real_data / "formats" / "cvat" / "small"
    counts = {}
    for path in sorted(folder.glob("*.xml")):
        annotations = cvat.read([path], folder, ReadOptions(line_width=1))
        regions = [len(picture.regions) for picture in annotations.pictures]
        counts[path.stem] = (len(annotations.pictures), sum(regions))
        for number in range(len(annotations.pictures)):
            paint(annotations, number)
    assert counts == {
        "for_images_export_project_annotations": (6, 9),
        "for_images_export_task_train": (2, 1),
        "for_images_train": (2, 1),
        "for_video_annotations": (3, 2),
    }


@pytest.mark.parametrize(
    "name", ["chris-kursikowski-FavVDBvOm2A", "grooveland-designs-q7hsIjri5PE"]
)
def test_masks_that_cvat_made_come_out_pixel_by_pixel(real_data, name):
    folder = real_data / "formats" / "cvat"
    annotations = cvat.read([folder / "annotations.xml"], folder, ReadOptions())
    colours = {
        "CAR": (0xFA, 0x32, 0x53),
        "TRAFFIC_SIGN": (0xFF, 0xCC, 0x33),
        "PEDESTRIAN": (0x3D, 0xF5, 0x3D),
        "ROAD_SURFACE": (0x3D, 0x3D, 0xF5),
    }
    assert annotations.class_names == tuple(colours)
    (number,) = (
        number
        for number, picture in enumerate(annotations.pictures)
        if picture.file_name.startswith(name)
    )
    painted = np.array([(0, 0, 0), *colours.values()], np.uint8)[paint(annotations, number)]
    theirs = np.asarray(Image.open(folder / "masks" / f"{name}-unsplash_mask.jpg"))  # a PNG inside
    assert np.array_equal(painted, theirs)
