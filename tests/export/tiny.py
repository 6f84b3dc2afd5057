"""A tiny network to export, and what its files are read with."""

import onnxruntime
import torch
from torch import nn

from deeplab.labels import named
from deeplab.models import ASPP, DeepLab, Preprocessing
from deeplab.network_card import NetworkCard

CLASSES = ("background", "cat", "dog")
STRIDE = 4


def tiny_network(colour_order="rgb"):
    """Layers with batch norms that have seen something, two of them strided; ASPP behind them."""
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
    )
    for layer in backbone:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, std=0.2)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    head = ASPP(8, len(CLASSES), rates=(1, 3))
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.3)
    preprocessing = Preprocessing((123.0, 116.0, 103.0), (58.0, 57.0, 56.0), colour_order)
    network = DeepLab(
        backbone=backbone, head=head, preprocessing=preprocessing, output_stride=STRIDE
    )
    return network.eval()


def card():
    return NetworkCard(
        name="tiny",
        class_names=CLASSES,
        palette=named(CLASSES).palette,
        output_stride=STRIDE,
        recipe="name: tiny\n",
        provenance={"data": "none"},
        longest_side=300,
    )


def file_scores(path, batch):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["class_scores"], {"pictures": batch})[0]
