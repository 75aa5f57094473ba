"""Inception v3 of 2015-12-05, in whose features FID and its kin are measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lumina.errors import importing
from lumina.pictures.sheet import as_rgb

POOL, SPATIAL = 2048, 7 * 17 * 17
"""Widths of the features."""

URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
AT_ONCE = 64  # pictures: at 299 pixels a side, the first layers are large


class Features(NamedTuple):
    """What Inception says of pictures.

    Attributes:
        pool: ``[B, 2048]`` float32, TensorFlow's ``pool_3``: for FID, Inception Score, precision and recall.
        spatial: ``[B, 2023]`` float32, the first 7 channels of ``mixed_6/conv``, flattened as (row, column, channel):
            for sFID.
    """

    pool: Tensor
    spatial: Tensor


class Inception(nn.Module):
    """torch-fidelity's port of the TensorFlow network, its bilinear resizing to 299 pixels included.

    ``mixed_6/conv``, which ADM takes for sFID, is ``Mixed_6d.branch1x1`` here: torch-fidelity's converter of the
    weights maps the one to the other.

    Args:
        weights: ``weights-inception-2015-12-05-6726825d.pth``.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: without torch-fidelity.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        if not weights.is_file():
            raise FileNotFoundError(
                f"Inception's weights {weights} do not exist: download {URL} and put the file there, or set the "
                "metric's `weights` to where it is."
            )
        with importing("torch-fidelity", "FID"):
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        self.network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=str(weights))

    def forward(self, images: Tensor) -> Features:
        """Features of pictures ``[B, 3, H, W]`` uint8, in float32 under autocast too."""
        spatial: list[Tensor] = []
        keep = self.network.Mixed_6d.branch1x1.register_forward_hook(lambda _, __, output: spatial.append(output))
        with keep, torch.autocast(images.device.type, enabled=False):
            (pool,) = self.network(images)
        return Features(pool, spatial[0][:, :7].permute(0, 2, 3, 1).flatten(1))

    def logits(self, pool: Tensor) -> Tensor:
        """``[B, 1008]`` float64: class scores of ``pool [B, 2048]``, without the bias, as for the Inception Score."""
        # in float64, which TF32 leaves alone
        return pool.double() @ self.network.fc.weight.double().mT

    @torch.no_grad()
    def describe(self, images: Tensor | Sequence[Tensor]) -> Features:
        """Features of pictures in [-1, 1], grey or RGB: ``[B, C, H, W]``, or a list of ``[C, H, W]`` of mixed sizes.

        Raises:
            ValueError: for pictures of other channels.
        """
        device = self.network.fc.weight.device
        same = images.split(AT_ONCE) if isinstance(images, Tensor) else [image[None] for image in images]
        parts = [self(to_uint8(as_rgb(part.to(device)))) for part in same]
        return Features(*(torch.cat(features) for features in zip(*parts, strict=True)))


def to_uint8(images: Tensor) -> Tensor:
    """Values in [-1, 1] as 0 ... 255, the way DiT stores its samples."""
    return (127.5 * images.float() + 128).clamp(0, 255).to(torch.uint8)
