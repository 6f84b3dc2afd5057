"""The authors' own files, for Caffe: DeepLab v2, and what it starts from."""

from dataclasses import replace

from deeplab.registry.records import ForeignWeights, Score

_PAPER = "arXiv 1606.00915"
_AUTHORS = "Chen, Papandreou, Kokkinos, Murphy, Yuille"
_NO_LICENCE = "none stated for the weights"
_RESNET_PAGE = "http://liangchiehchen.com/projects/DeepLabv2_resnet.html"
_VGG_PAGE = "http://liangchiehchen.com/projects/DeepLabv2_vgg.html"
_INIT_PAGE = "http://liangchiehchen.com/projects/Init%20Models.html"
_RESNET_ZIP = (
    "http://liangchiehchen.com/projects/released/deeplab_aspp_resnet101/prototxt_and_model.zip"
)
_VGG_ZIP = "http://liangchiehchen.com/projects/released/deeplab_aspp_vgg16/prototxt_and_model.zip"
_CCVL = "http://www.cs.jhu.edu/~alanlab/ccvl"
_HAS_SEEN_VAL = "trained on trainval: it has seen val, and scores there say nothing"

_RESNET = ForeignWeights(
    name="caffe-resnet101-voc12",
    network="ResNet-101, MSC, ASPP-L",
    publisher=_AUTHORS,
    layout="caffe-resnet",
    num_classes=21,
    classes="voc12",
    file_name="train_iter_20000.caffemodel",
    member="train_iter_20000.caffemodel",
    page=_RESNET_PAGE,
    urls=(_RESNET_ZIP,),
    scores=(
        Score(0.7635, "VOC 2012 val, no CRF", "the authors", f"{_PAPER}, table 4"),
        Score(0.7769, "VOC 2012 val, CRF", "the authors", f"{_PAPER}, table 4"),
        Score(0.7554, "VOC 2012 val, no CRF", "isht7", "github.com/isht7/pytorch-deeplab-resnet"),
    ),
    trained_on=("imagenet", "coco", "voc2012", "sbd"),
    licence=_NO_LICENCE,
)

_VGG = replace(
    _RESNET,
    name="caffe-vgg16-aspp-voc12",
    network="VGG-16, ASPP-L",
    layout="caffe-vgg16",
    page=_VGG_PAGE,
    urls=(_VGG_ZIP,),
    scores=(
        Score(0.6896, "VOC 2012 val, no CRF", "the authors", f"{_PAPER}, table 3"),
        Score(0.7157, "VOC 2012 val, CRF", "the authors", f"{_PAPER}, table 3"),
    ),
    trained_on=("imagenet", "voc2012", "sbd"),
)

_LARGE_FOV = replace(
    _VGG,
    name="caffe-vgg16-largefov-voc12-trainval",
    network="VGG-16, LargeFOV (DeepLab v1)",
    file_name="train2_iter_8000.caffemodel",
    member="",
    page="http://liangchiehchen.com/projects/DeepLab_Models.html",
    urls=(f"{_CCVL}/DeepLab-LargeFOV/train2_iter_8000.caffemodel",),
    scores=(),
    trap=_HAS_SEEN_VAL,
)

CAFFE: tuple[ForeignWeights, ...] = (
    _RESNET,
    replace(
        _RESNET,
        name="caffe-resnet101-voc12-trainval",
        file_name="train2_iter_20000.caffemodel",
        member="train2_iter_20000.caffemodel",
        scores=(Score(0.797, "VOC 2012 test, CRF", "the authors", f"{_PAPER}, table 5"),),
        trap=_HAS_SEEN_VAL,
    ),
    replace(
        _RESNET,
        name="caffe-resnet101-coco-init",
        network="ResNet-101, 1x1 head",
        num_classes=91,
        classes="coco91",
        file_name="init.caffemodel",
        member="init.caffemodel",
        scores=(),
        trained_on=("imagenet", "coco"),
        trap="what training starts from: its 91 outputs are COCO's category ids, 0 is background",
    ),
    _VGG,
    replace(
        _VGG,
        name="caffe-vgg16-aspp-voc12-trainval",
        file_name="train2_iter_20000.caffemodel",
        member="train2_iter_20000.caffemodel",
        scores=(Score(0.726, "VOC 2012 test, CRF", "the authors", f"{_PAPER}, table 3"),),
        trap=_HAS_SEEN_VAL,
    ),
    _LARGE_FOV,
    replace(
        _LARGE_FOV,
        name="caffe-vgg16-imagenet-largefov-init",
        network="VGG-16 made convolutional: fc6 3x3, 1024 filters",
        num_classes=1000,
        classes="ImageNet, without the classifier",
        file_name="vgg16_20M.caffemodel",
        page=_INIT_PAGE,
        urls=(f"{_CCVL}/init_models/vgg16_20M.caffemodel",),
        trained_on=("imagenet",),
        trap="what training starts from: it has no classifier for label maps",
    ),
    replace(
        _LARGE_FOV,
        name="caffe-vgg16-imagenet-4x4-init",
        network="VGG-16 made convolutional: fc6 4x4, 4096 filters",
        num_classes=1000,
        classes="ImageNet, without the classifier",
        file_name="vgg16_128.caffemodel",
        page=_INIT_PAGE,
        urls=("http://ccvl.stat.ucla.edu/ccvl/init_models/vgg16_128.caffemodel",),
        trained_on=("imagenet",),
        trap="what training starts from: it has no classifier for label maps",
    ),
    *(
        ForeignWeights(
            name=f"msra-resnet{depth}-imagenet",
            network=f"ResNet-{depth}, strides in the first 1x1",
            publisher="He, Zhang, Ren, Sun (MSRA)",
            layout="caffe-resnet",
            num_classes=1000,
            classes="ImageNet",
            file_name=f"ResNet-{depth}-model.caffemodel",
            page="https://github.com/KaimingHe/deep-residual-networks#models",
            trained_on=("imagenet",),
            licence=_NO_LICENCE,
            trap="what training starts from: it classifies whole pictures",
        )
        for depth in (50, 101)
    ),
)
"""In the order in which they are listed."""
