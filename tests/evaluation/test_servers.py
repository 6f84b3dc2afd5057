import io
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from deeplab.data import Sample
from deeplab.evaluation.servers import CityscapesServer, VocServer, find_server
from deeplab.labels import CITYSCAPES, VOC12, named, voc_palette


def sample(name: str) -> Sample:
    return Sample(name, Path("pictures", name), None)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_voc_wants_indexed_pngs_in_its_folder():
    server = VocServer()
    place = server.place(sample("2008_000001"))
    assert str(place) == "results/VOC2012/Segmentation/comp6_test_cls/2008_000001.png"
    assert server.picture_of(place) == "2008_000001"
    for wrong in ("2008_000001.png", f"x/{place}", f"{place.parent}/2008_000001.jpg"):
        assert server.picture_of(PurePosixPath(wrong)) is None
    labels = np.arange(21, dtype=np.uint8).reshape(3, 7)
    image = opened(server.encode(labels))
    assert image.mode == "P"
    assert np.array_equal(np.asarray(image), labels)
    assert image.getpalette() == [value for colour in voc_palette() for value in colour]
    server.check_image(image, np.asarray(image))


def test_cityscapes_wants_label_ids_under_the_frames_name():
    server = CityscapesServer()
    name = "berlin_000000_000019"
    place = server.place(sample(f"{name}_leftImg8bit.png"))
    assert place.name.startswith(f"{name}_")
    assert server.picture_of(place) == name
    with pytest.raises(ValueError, match="Cityscapes calls its pictures"):
        server.place(sample("2008_000001.png"))
    image = opened(server.encode(np.arange(19, dtype=np.uint8).reshape(1, 19)))
    assert image.mode == "L"
    expected = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
    assert np.asarray(image)[0].tolist() == expected
    server.check_image(image, np.asarray(image))


@pytest.mark.parametrize(
    ("values", "mode", "message"),
    [
        ([[0, 255]], "P", r"holds 255 \(void\)"),
        ([[0, 21, 40]], "P", r"labels 21, 40; allowed are 0\.\.20"),
        ([[0, 1]], "L", "a L picture; an indexed PNG with VOC's palette"),
        ([[0, 1]], "RGB", "a RGB picture"),
        ([[0, 9]], "other palette", "its palette is not VOC's"),
        ([[0, 9]], "short palette", "its palette is not VOC's"),
    ],
)
def test_what_voc_would_refuse_is_refused(values, mode, message):
    image = Image.fromarray(np.array(values, np.uint8))
    if "P" in mode or "palette" in mode:
        palette = np.array(voc_palette(), np.uint8)
        palette = palette[::-1] if mode == "other palette" else palette
        image.putpalette(palette[: 3 if mode == "short palette" else 256].tobytes())
    elif mode != "L":
        image = image.convert(mode)
    with pytest.raises(ValueError, match=message):
        VocServer().check_image(image, np.asarray(image))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[0, 1, 13, 18]], "look like train ids"),
        ([[7, 13, 255]], "255 are no label ids of Cityscapes .* train ids"),
        ([[7, 34]], "34 are no label ids"),
    ],
)
def test_what_cityscapes_would_score_wrongly_is_refused(values, message):
    image = Image.fromarray(np.array(values, np.uint8))
    with pytest.raises(ValueError, match=message):
        CityscapesServer().check_image(image, np.asarray(image))
    with pytest.raises(ValueError, match="a RGB picture; a PNG of one channel"):
        CityscapesServer().check_image(image.convert("RGB"), np.asarray(image.convert("RGB")))


def test_unscored_ids_beside_high_ones_may_be_predicted():
    values = np.array([[0, 7, 26]], np.uint8)
    CityscapesServer().check_image(Image.fromarray(values), values)


def test_servers_are_found_by_the_classes():
    assert isinstance(find_server(VOC12), VocServer)
    assert isinstance(find_server(CITYSCAPES), CityscapesServer)
    with pytest.raises(ValueError, match=r"'pets' has no test server that we know: .* voc12 and"):
        find_server(named(["cat"], "pets"))
