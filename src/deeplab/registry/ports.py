"""Files of those who wrote DeepLab v2 again, in PyTorch."""

from dataclasses import replace

from deeplab.registry.records import ForeignWeights, Score

_KAZUTO1011 = "github.com/kazuto1011/deeplab-pytorch"
_ISHT7 = "github.com/isht7/pytorch-deeplab-resnet"
_SPEEDINGHZL = "github.com/speedinghzl/Pytorch-Deeplab"
_ADAPTSEGNET = "github.com/wasidennis/AdaptSegNet"
_DEXTR = "https://data.vision.ee.ethz.ch/csergi/share/DEXTR"
_VLLAB = "http://vllab.ucmerced.edu/ytsai/CVPR18"
_OPENMMLAB = "https://download.openmmlab.com/pretrain/third_party"
_OF_CODE = "MIT (of the code; none stated for the weights)"

_KAZUTO1011_VOC = ForeignWeights(
    name="kazuto1011-voc12",
    network="ResNet-101, MSC, ASPP-L",
    publisher="kazuto1011",
    layout="kazuto1011-msc",
    num_classes=21,
    classes="voc12",
    file_name="deeplabv2_resnet101_msc-vocaug-20000.pth",
    page=f"https://{_KAZUTO1011}",
    urls=(
        f"https://{_KAZUTO1011}/releases/download/v1.0/deeplabv2_resnet101_msc-vocaug-20000.pth",
    ),
    scores=(
        Score(0.7665, "VOC 2012 val, no CRF", "kazuto1011", _KAZUTO1011),
        Score(0.7793, "VOC 2012 val, CRF", "kazuto1011", _KAZUTO1011),
    ),
    trained_on=("imagenet", "coco", "voc2012", "sbd"),
    licence=_OF_CODE,
)


def _of_coco_stuff(name: str, pictures: str, iterations: int, *miou: float) -> ForeignWeights:
    file_name = f"deeplabv2_resnet101_msc-coco{name}-{iterations}.pth"
    return replace(
        _KAZUTO1011_VOC,
        name=f"kazuto1011-coco{name}",
        num_classes=182,
        classes=f"COCO-Stuff {pictures}: 182 outputs, of which 171 were trained",
        file_name=file_name,
        urls=(f"https://{_KAZUTO1011}/releases/download/v1.0/{file_name}",),
        scores=tuple(
            Score(value, f"COCO-Stuff {pictures} val, {crf}", "kazuto1011", _KAZUTO1011)
            for value, crf in zip(miou, ("no CRF", "CRF"), strict=True)
        ),
        trained_on=("imagenet", "coco", "coco-stuff"),
    )


_ISHT7_VOC = replace(
    _KAZUTO1011_VOC,
    name="isht7-voc12",
    publisher="isht7",
    layout="isht7",
    file_name="VOC12_scenes_20000.pth",
    page=(
        "https://drive.google.com/file/d/0BxhUwxvLPO7TT0Y5UndZckIwMVE/view"
        "?resourcekey=0-dN8LmTrIU54tOySJQpSjVg"
    ),
    urls=(),
    scores=(Score(0.7240, "VOC 2012 val, no CRF", "isht7", _ISHT7),),
    trap="void was learnt as background, and an update was made of 2000 x 10 pictures, not 20000",
)

_GTA5 = ForeignWeights(
    name="adaptsegnet-gta5-multi",
    network="ResNet-101, ASPP on two levels",
    publisher="Tsai, Hung et al. (AdaptSegNet)",
    layout="adaptsegnet",
    num_classes=19,
    classes="cityscapes",
    file_name="GTA2Cityscapes_multi-ed35151c.pth",
    page=f"https://{_ADAPTSEGNET}",
    urls=(f"{_VLLAB}/GTA2Cityscapes_multi-ed35151c.pth",),
    sha256="ed35151c",
    scores=(Score(0.424, "Cityscapes val, no CRF", "its authors", "arXiv 1802.10349"),),
    trained_on=("imagenet", "gta5", "cityscapes"),
    licence="non-commercial research purposes only",
    licence_forbids_trade=True,
    trap="adapted from GTA5 without labels of Cityscapes; of its four ASPP branches two count",
)

PORTS: tuple[ForeignWeights, ...] = (
    _KAZUTO1011_VOC,
    _of_coco_stuff("stuff10k", "10k", 20_000, 0.348, 0.356),
    _of_coco_stuff("stuff164k", "164k", 100_000, 0.391, 0.397),
    replace(
        _ISHT7_VOC,
        name="isht7-caffe-voc12",
        file_name="MS_DeepLab_resnet_trained_VOC.pth",
        page=(
            "https://drive.google.com/file/d/0BxhUwxvLPO7TeXFNQ3YzcGI4Rjg/view"
            "?resourcekey=0-dPyNi9NU2Eo8Qw5kIHPUNA"
        ),
        urls=(f"{_DEXTR}/MS_DeepLab_resnet_trained_VOC.pth",),
        scores=(Score(0.7554, "VOC 2012 val, no CRF", "isht7", _ISHT7),),
        trap="train_iter_20000.caffemodel, converted; the copy that is fetched is that of DEXTR",
    ),
    _ISHT7_VOC,
    replace(
        _ISHT7_VOC,
        name="isht7-coco-init",
        num_classes=21,
        classes="a last layer that was never trained: init.caffemodel has none of this kind",
        file_name="MS_DeepLab_resnet_pretrained_COCO_init.pth",
        page=(
            "https://drive.google.com/file/d/0BxhUwxvLPO7TVFJQU1dwbXhHdEk/view"
            "?resourcekey=0-7UxnHrm5eDCyvz2G35aKgA"
        ),
        urls=(f"{_DEXTR}/MS_DeepLab_resnet_pretrained_COCO_init.pth",),
        scores=(),
        trained_on=("imagenet", "coco"),
        trap="what training starts from; the copy that is fetched is that of DEXTR",
    ),
    replace(
        _ISHT7_VOC,
        name="speedinghzl-voc12",
        network="ResNet-101, ASPP-L",
        publisher="speedinghzl",
        layout="speedinghzl",
        page="https://pan.baidu.com/s/1bP52R8",
        scores=(
            Score(0.740, "VOC 2012 val, one scale, no CRF", "speedinghzl", _SPEEDINGHZL),
            Score(0.711, "the same, PyTorch 0.4 or newer", "users", f"{_SPEEDINGHZL}/issues/24"),
            Score(0.693, "the same, PyTorch 0.4 or newer", "users", f"{_SPEEDINGHZL}/issues/26"),
        ),
        trap="PyTorch resizes scores otherwise since 0.4, which costs 3 to 5 points",
    ),
    _GTA5,
    replace(
        _GTA5,
        name="adaptsegnet-gta5-vgg16",
        network="VGG-16, ASPP",
        layout="adaptsegnet-vgg",
        file_name="GTA2Cityscapes_vgg-ac4ac9f6.pth",
        urls=(f"{_VLLAB}/GTA2Cityscapes_vgg-ac4ac9f6.pth",),
        sha256="ac4ac9f6",
        scores=(),
        trap="adapted from GTA5 without labels of Cityscapes",
    ),
    replace(
        _GTA5,
        name="adaptsegnet-cityscapes",
        file_name="cityscapes_oracle-b7b9934.pth",
        urls=("http://vllab1.ucmerced.edu/~whung/adaptSeg/cityscapes_oracle-b7b9934.pth",),
        sha256="b7b9934",
        scores=(),
        trained_on=("imagenet", "cityscapes"),
        trap="of its four ASPP branches two count",
    ),
    replace(
        _GTA5,
        name="adaptsegnet-init",
        network="ResNet-101",
        classes="a last layer of other classes, which training drops",
        file_name="DeepLab_resnet_pretrained_init-f81d91e8.pth",
        urls=(f"{_VLLAB}/DeepLab_resnet_pretrained_init-f81d91e8.pth",),
        sha256="f81d91e8",
        scores=(),
        trained_on=(),
        trap="what training starts from; its authors do not say what the file has learnt from",
    ),
    *(
        ForeignWeights(
            name=f"openmmlab-resnet{depth}-v1c",
            network=f"ResNet-{depth} v1c: three 3x3 filters first",
            publisher="open-mmlab",
            layout="resnet-v1c",
            num_classes=1000,
            classes="ImageNet",
            file_name=f"resnet{depth}_v1c-{sha256}.pth",
            page="https://github.com/open-mmlab/mmsegmentation",
            urls=(f"{_OPENMMLAB}/resnet{depth}_v1c-{sha256}.pth",),
            sha256=sha256,
            trained_on=("imagenet",),
            licence="Apache-2.0 (of the code; none stated for the weights)",
            trap="what DAFormer's DeepLab v2 starts from: it classifies whole pictures",
        )
        for depth, sha256 in ((50, "2cccc1ad"), (101, "e67eebb6"))
    ),
)
"""In the order in which they are listed. DAFormer published no DeepLab v2, only the layout."""
