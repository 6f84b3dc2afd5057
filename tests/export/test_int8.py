import pytest
from tests.export.tiny import card, tiny_network

from deeplab.export import Probe, Quantising, export_int8, read_check_pictures
from deeplab.inference import Segmenter
from deeplab.inference.torch_engine import TorchEngine


def crops():
    """Parts of real photos."""
    return [photo[top : top + 120, 60:191] for photo in read_check_pictures() for top in (0, 90)]


def quantising(*, labelled=True, accepted_points=None):
    """Calibrate on parts, measure on others; true labels are those of the network itself."""
    network = Segmenter(TorchEngine(tiny_network(), card()))

    def probe(picture):
        return Probe(
            "part",
            lambda: picture,
            (lambda: network(picture).labels) if labelled else None,
        )

    readers = [lambda picture=picture: picture for picture in crops()[::2]]
    probes = [probe(picture) for picture in crops()[1::2]]
    return Quantising(readers, probes, "parts of photos", accepted_points)


def export(path, **settings):
    scales, flip = settings.pop("scales", (1.0,)), settings.pop("flip", False)
    return export_int8(
        tiny_network(),
        card(),
        path,
        pictures=crops()[:1],
        quantising=quantising(**settings),
        scales=scales,
        flip=flip,
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("int8") / "int8.onnx"
    return path, *export(path, accepted_points=10, scales=(0.75, 1.0), flip=True)


def test_the_quantised_file_labels_nearly_as_the_network_does_at_the_same_scales(exported):
    path, agreement, loss = exported
    assert agreement.num_sizes >= 3
    assert loss.same_labels > 0.9
    network = Segmenter(TorchEngine(tiny_network(), card()), scales=(0.75, 1.0), flip=True)
    picture = crops()[3][:77, :90]
    same = Segmenter.load(path)(picture).labels == network(picture).labels
    assert same.mean() > 0.9


def test_the_card_says_what_was_lost(exported):
    path, _, loss = exported
    found = Segmenter.load(path).card
    record = found.precisions["int8"]
    assert (record.miou_change, record.same_labels) == (loss.miou_change, loss.same_labels)
    assert (record.data, record.num_pictures) == ("parts of photos", 2)
    assert found.provenance["quantised"].startswith("int8, ranges of 2 pictures; mean IoU ")
    assert found.inner_scales == (1.0, 0.75)


def test_a_file_that_loses_too_much_is_not_written(tmp_path):
    path = tmp_path / "int8.onnx"
    with pytest.raises(ValueError, match=r"% of the labels change .*nothing was written"):
        export(path, labelled=False, accepted_points=0)
    assert list(tmp_path.iterdir()) == []


def test_without_label_maps_no_harmlessness_is_recorded(tmp_path):
    path = tmp_path / "int8.onnx"
    export(path, labelled=False, accepted_points=50)
    found = Segmenter.load(path).card
    assert found.precisions == {}
    assert "of the labels stay" in found.provenance["quantised"]
