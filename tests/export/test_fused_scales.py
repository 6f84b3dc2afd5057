import numpy as np
import onnx
import pytest
from tests.export.tiny import STRIDE, card, file_scores, tiny_network

from deeplab.export import export_network, read_check_pictures
from deeplab.export.fused_scales import fuse_scales
from deeplab.inference import OnnxRuntimeEngine, Segmenter

SETTINGS = {
    "smaller": ((0.5, 0.75, 1.0), True),
    "larger": ((1.25, 0.6), False),
    "one": ((0.7,), True),
    "flip": ((1.0,), True),
}


@pytest.fixture(scope="module")
def plain_path(tmp_path_factory):
    """The tiny network as a file, without scales (exporting takes seconds)."""
    path = tmp_path_factory.mktemp("plain") / "plain.onnx"
    export_network(tiny_network(), card(), path, pictures=read_check_pictures()[:1])
    return path


@pytest.fixture(scope="module", params=SETTINGS)
def fused(request, plain_path, tmp_path_factory):
    """Its file with scales inside, and a `Segmenter` that shall give the same numbers."""
    scales, flip = SETTINGS[request.param]
    model = onnx.load(plain_path)
    fuse_scales(model, scales=scales, flip=flip, output_stride=STRIDE)
    path = tmp_path_factory.mktemp("fused") / "fused.onnx"
    onnx.save(model, path)
    return path, Segmenter(OnnxRuntimeEngine(plain_path), scales=scales, flip=flip)


def random_picture(*size):
    return np.random.default_rng(size).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(97, 130), (64, 33), (1, 5), (2, 1), (1, 1), (299, 40)])
def test_one_run_gives_the_class_scores_of_segmenter(fused, size):
    path, segmenter = fused
    picture = random_picture(*size)
    expected = segmenter.class_scores(picture)
    found = file_scores(path, picture[None])[0]
    assert found.shape == expected.shape
    # float32 weights that differ by one rounding; pictures resized by one grey level differently
    # would make 1e-2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_pictures_of_a_batch_do_not_mix(fused):
    path, _ = fused
    batch = np.stack([random_picture(45, 70), random_picture(45, 70)[::-1]])
    together = file_scores(path, batch)
    for picture, scores in zip(batch, together, strict=True):
        alone = file_scores(path, picture[None])[0]
        np.testing.assert_allclose(scores, alone, rtol=0, atol=1e-5 * np.abs(alone).max())


def test_the_graph_is_valid_and_holds_every_filter_once(fused, plain_path):
    model = onnx.load(fused[0])
    onnx.checker.check_model(model, full_check=True)
    names = [one.name for one in model.graph.initializer]
    assert len(set(names)) == len(names)
    filters = [
        sum(len(one.dims) == 4 for one in graph.initializer)
        for graph in (model.graph, onnx.load(plain_path).graph)
    ]
    assert filters[0] == filters[1]


@pytest.fixture(scope="module")
def exported_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "fused.onnx"
    agreement = export_network(
        tiny_network(),
        card(),
        path,
        pictures=[picture[:201, :300] for picture in read_check_pictures()],
        half=True,
        scales=(0.75, 1.25),
        flip=True,
    )
    assert agreement.num_sizes >= 4
    return path


@pytest.mark.parametrize("longest_side", [None, 90])
def test_labels_lie_where_segmenter_puts_them(exported_path, plain_path, longest_side):
    plain = Segmenter.load(plain_path, scales=(0.75, 1.25), flip=True, longest_side=longest_side)
    inside = Segmenter.load(exported_path, longest_side=longest_side)
    picture = read_check_pictures()[0][:151, 40:243]
    same = plain(picture).labels == inside(picture).labels
    assert same.mean() > 0.99  # filters of 16 bits


def test_the_card_says_what_is_inside(exported_path):
    found = Segmenter.load(exported_path).card
    assert (found.inner_scales, found.inner_flip) == ((1.25, 0.75), True)
    assert found.fuses_scales


def test_who_cuts_pictures_into_tiles_is_told_of_scales_inside(exported_path):
    inside = Segmenter.load(exported_path)
    assert (inside.scales, inside.flip) == ((1.25, 0.75), True)


@pytest.mark.parametrize("twice", [{"scales": (0.5, 1.0)}, {"flip": True}])
def test_scales_and_flip_are_not_applied_twice(exported_path, twice):
    with pytest.raises(ValueError, match=r"has scales 1\.25, 0\.75 and flip inside, .* twice"):
        Segmenter.load(exported_path, **twice)


def test_windows_are_refused_where_scales_are_inside(exported_path):
    with pytest.raises(ValueError, match=r"averaged at each scale.*exported without"):
        Segmenter.load(exported_path, window=64)


def test_scales_out_of_range_are_refused_before_anything_is_exported(tmp_path):
    with pytest.raises(ValueError, match=r"scale 9: allowed are 0\.1 to 4"):
        export_network(
            tiny_network(),
            card(),
            tmp_path / "out.onnx",
            pictures=read_check_pictures(),
            scales=(1, 9),
        )


def test_a_graph_with_branches_is_refused(plain_path):
    model = onnx.load(plain_path)
    branch = onnx.helper.make_graph([], "branch", [], [])
    model.graph.node.append(
        onnx.helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    )
    with pytest.raises(ValueError, match="branches or loops"):
        fuse_scales(model, scales=(1.0, 0.5), flip=False, output_stride=STRIDE)
