"""Kernels and presets: what is allowed, and what errors say."""

from typing import Any

import pytest

from deeplab.crf import PRESETS, Bilateral, DenseCRF, Spatial


def test_the_default_is_the_published_resnet101() -> None:
    assert DenseCRF() == DenseCRF.preset("resnet101")
    assert PRESETS["resnet101"] == (Bilateral(weight=4, xy=67, rgb=3), Spatial(weight=3, xy=1))


def test_the_published_vgg16_presets_have_their_values() -> None:
    assert PRESETS["vgg16-aspp"] == (Bilateral(4, 65, 3), Spatial(2, 2))
    assert PRESETS["vgg16-largefov"] == (Bilateral(4, 121, 5), Spatial(3, 3))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_a_crf_of_the_paper_s_kind(name: str) -> None:
    crf = DenseCRF.preset(name)
    assert (crf.bilateral, crf.spatial) == PRESETS[name]
    assert (crf.iterations, crf.normalization, crf.compatibility) == (10, "after", None)


def test_presets_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        PRESETS["resnet101"] = PRESETS["v1"]  # type: ignore[index]


def test_one_deviation_serves_all_axes_and_channels() -> None:
    assert Bilateral(1, 50, 4).deviations(2) == (50, 50, 4, 4)
    assert Bilateral(1, (50, 30), (4, 5, 6)).deviations(3) == (50, 30, 4, 5, 6)
    assert Spatial(1, (3, 2)).deviations(3) == (3, 2)


def test_lists_as_json_has_them_are_taken() -> None:
    assert Bilateral(1, [50, 30], [4, 5, 6]) == Bilateral(1, (50, 30), (4, 5, 6))  # type: ignore[arg-type]


def test_deviations_have_to_fit_the_channels() -> None:
    with pytest.raises(ValueError, match="3 deviations, the picture 1 channels: give one"):
        Bilateral(1, 50, (4, 5, 6)).deviations(1)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Bilateral, (-1, 50, 5), r"Bilateral.weight=-1: .* at least 0"),
        (Bilateral, (float("nan"), 50, 5), "Bilateral.weight=nan: give a finite number"),
        (Bilateral, (True, 50, 5), "Bilateral.weight=True"),
        (Bilateral, ("4", 50, 5), "Bilateral.weight='4'"),
        (Bilateral, (4, 0, 5), "Bilateral.xy=0: give a positive, finite number"),
        (Bilateral, (4, 50, -5), "Bilateral.rgb=-5: give a positive"),
        (Bilateral, (4, float("inf"), 5), "Bilateral.xy=inf"),
        (Bilateral, (4, (1, 2, 3), 5), r"Bilateral.xy has 3 deviations: .* \(x, y\)"),
        (Bilateral, (4, 50, ()), "Bilateral.rgb has 0 deviations: give one number, or 1 to 8"),
        (Bilateral, (4, 50, "5"), "Bilateral.rgb='5'"),
        (Spatial, (3, (1, 0)), "Spatial.xy=0: give a positive"),
        (Spatial, (-3, 1), "Spatial.weight=-3"),
    ],
)
def test_values_that_make_no_kernel_are_refused(kind: Any, values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(*values)
