"""PASCAL VOC 2012 with VGG-16: Tables 1, 2 and 3 of the paper, and what went to the test server.

The data is what `deeplab data prepare voc12 --from DOWNLOADS --to DIR/VOCdevkit/VOC2012` writes.
Scores are mIoU on val, before and after the CRF (`--crf vgg16-largefov` or `--crf vgg16-aspp`).
"""

from deeplab.models import LargeFOVConfig
from deeplab.recipes.paper import Changes, second_stage, source, vary, vgg16, vgg16_aspp
from deeplab.recipes.recipe import Recipe

_TRAINAUG = source("VOCdevkit/VOC2012", "trainaug")
_VAL = source("VOCdevkit/VOC2012", "val")
_TRAINVAL_AUG = source("VOCdevkit/VOC2012", "trainval_aug")

_STEP: Changes = {
    "schedule": "step",
    "step_factor": 0.1,
    "step_iterations": 2000,
    "batch_size": 30,
    "iterations": 6000,
}


def voc12_vgg16_largefov() -> Recipe:
    """Table 3, LargeFOV, which is Table 2, poly/10/20K: 65.76 % mIoU, 69.84 % with CRF.

    `deeplab train voc12-vgg16-largefov --data DIR`. Table 2 prints 65.88 % for the same settings.
    Without `pool5a`, as in the paper; see `voc12-vgg16-largefov-step`.
    """
    return vgg16("voc12-vgg16-largefov", _TRAINAUG, _VAL, num_classes=21)


def voc12_vgg16_aspp_s() -> Recipe:
    """Table 3, ASPP-S (rates 2, 4, 8, 12): 66.98 % mIoU, 69.73 % with CRF.

    `deeplab train voc12-vgg16-aspp-s --data DIR`.
    """
    return vary(voc12_vgg16_largefov(), "voc12-vgg16-aspp-s", model=vgg16_aspp("S"))


def voc12_vgg16_aspp_l() -> Recipe:
    """Table 3, ASPP-L (rates 6, 12, 18, 24): 68.96 % mIoU, 71.57 % with CRF.

    `deeplab train voc12-vgg16-aspp-l --data DIR`. The released network.
    """
    return vary(voc12_vgg16_largefov(), "voc12-vgg16-aspp-l", model=vgg16_aspp("L"))


def voc12_vgg16_largefov_step() -> Recipe:
    """Table 1, 3x3 at rate 12, and Table 2, step/30/6K: 62.25 % mIoU, 67.64 % with CRF.

    `deeplab train voc12-vgg16-largefov-step --data DIR`. The first release as it stands: batches of
    30 (an older text says 20), and an average pool before fc6 (`pool5a`) that the paper does not
    show; the other rows are without it.
    """
    head = LargeFOVConfig(average_pool=True)
    return vary(
        voc12_vgg16_largefov(), "voc12-vgg16-largefov-step", model={"head": head}, train=_STEP
    )


def voc12_vgg16_fov_7x7_r4() -> Recipe:
    """Table 1, 7x7 at rate 4 (field of view 224): 64.38 % mIoU, 67.64 % with CRF.

    `deeplab train voc12-vgg16-fov-7x7-r4 --data DIR`. VGG's own fc6 and fc7 of 4096 channels.
    """
    return _field_of_view("voc12-vgg16-fov-7x7-r4", kernel_size=7, rate=4)


def voc12_vgg16_fov_4x4_r4() -> Recipe:
    """Table 1, 4x4 at rate 4 (field of view 128): 59.80 % mIoU, 63.74 % with CRF.

    `deeplab train voc12-vgg16-fov-4x4-r4 --data DIR`.
    """
    return _field_of_view("voc12-vgg16-fov-4x4-r4", kernel_size=4, rate=4)


def voc12_vgg16_fov_4x4_r8() -> Recipe:
    """Table 1, 4x4 at rate 8 (field of view 224): 63.41 % mIoU, 67.14 % with CRF.

    `deeplab train voc12-vgg16-fov-4x4-r8 --data DIR`.
    """
    return _field_of_view("voc12-vgg16-fov-4x4-r8", kernel_size=4, rate=8)


def voc12_vgg16_largefov_poly_30_6k() -> Recipe:
    """Table 2, poly, batches of 30, 6 000 steps: 63.42 % mIoU.

    `deeplab train voc12-vgg16-largefov-poly-30-6k --data DIR`.
    """
    return vary(
        voc12_vgg16_largefov(),
        "voc12-vgg16-largefov-poly-30-6k",
        train={"batch_size": 30, "iterations": 6000},
    )


def voc12_vgg16_largefov_poly_30_10k() -> Recipe:
    """Table 2, poly, batches of 30, 10 000 steps: 64.90 % mIoU.

    `deeplab train voc12-vgg16-largefov-poly-30-10k --data DIR`.
    """
    return vary(
        voc12_vgg16_largefov(),
        "voc12-vgg16-largefov-poly-30-10k",
        train={"batch_size": 30, "iterations": 10_000},
    )


def voc12_vgg16_largefov_poly_10_10k() -> Recipe:
    """Table 2, poly, batches of 10, 10 000 steps: 64.71 % mIoU.

    `deeplab train voc12-vgg16-largefov-poly-10-10k --data DIR`.
    """
    return vary(
        voc12_vgg16_largefov(), "voc12-vgg16-largefov-poly-10-10k", train={"iterations": 10_000}
    )


def voc12_vgg16_largefov_step_trainval() -> Recipe:
    """Second stage of `voc12-vgg16-largefov-step`: 70.3 % mIoU on test with CRF (section 4.1.1).

    `deeplab train voc12-vgg16-largefov-step-trainval --data DIR`, after its first stage. 8 000
    steps (`solver2.prototxt`).
    """
    staged = second_stage(voc12_vgg16_largefov_step(), _TRAINVAL_AUG)
    return vary(staged, staged.name, train={"iterations": 8000})


def voc12_vgg16_aspp_l_trainval() -> Recipe:
    """Second stage of `voc12-vgg16-aspp-l`: 72.6 % mIoU on test with CRF (section 4.1.2).

    `deeplab train voc12-vgg16-aspp-l-trainval --data DIR`, after its first stage.
    """
    return second_stage(voc12_vgg16_aspp_l(), _TRAINVAL_AUG)


def _field_of_view(name: str, *, kernel_size: int, rate: int) -> Recipe:
    head = LargeFOVConfig(kernel_size=kernel_size, rate=rate, hidden_channels=4096)
    return vary(voc12_vgg16_largefov(), name, model={"head": head}, train=_STEP)
