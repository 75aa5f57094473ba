"""The Inception v3 network of 2015-12-05, whose features FID and related metrics use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lumina.errors import importing
from lumina.pictures.sheet import as_rgb

POOL, SPATIAL = 2048, 7 * 17 * 17
"""Widths of the features ``pool_3`` and ``mixed_6/conv`` (7 channels of 17 x 17)."""

URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
AT_ONCE = 64  # pictures per forward pass; at 299 x 299 pixels the first layers need much memory


class Features(NamedTuple):
    """Inception features of a batch of pictures.

    Attributes:
        pool: ``[B, 2048]`` float32, TensorFlow's ``pool_3``: for FID, Inception Score, precision and recall.
        spatial: ``[B, 2023]`` float32, the first 7 channels of ``mixed_6/conv``, flattened as (row, column, channel):
            for sFID.
    """

    pool: Tensor
    spatial: Tensor


class Inception(nn.Module):
    """torch-fidelity's port of the TensorFlow network, including its bilinear resizing to 299 pixels.

    TensorFlow's ``mixed_6/conv``, which ADM uses for sFID, is ``Mixed_6d.branch1x1`` in this port.

    Args:
        weights: path of ``weights-inception-2015-12-05-6726825d.pth``.

    Raises:
        FileNotFoundError: the file does not exist.
        ImportError: torch-fidelity is not installed.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        if not weights.is_file():
            raise FileNotFoundError(
                f"Inception's weights {weights} do not exist: download {URL} to that path, or set the metric's "
                "`weights` to the path of the file."
            )
        with importing("torch-fidelity", "FID"):
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        self.network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=str(weights))

    def forward(self, images: Tensor) -> Features:
        """Features of pictures ``[B, 3, H, W]`` uint8; float32 even under autocast."""
        spatial: list[Tensor] = []
        hook = self.network.Mixed_6d.branch1x1.register_forward_hook(lambda _, __, output: spatial.append(output))
        with hook, torch.autocast(images.device.type, enabled=False):
            (pool,) = self.network(images)
        return Features(pool, spatial[0][:, :7].permute(0, 2, 3, 1).flatten(1))

    def logits(self, pool: Tensor) -> Tensor:
        """Logits ``[B, 1008]`` float64 of ``pool [B, 2048]``, without the bias, as the Inception Score uses them."""
        # float64 is not affected by TF32
        return pool.double() @ self.network.fc.weight.double().mT

    @torch.no_grad()
    def describe(self, images: Tensor | Sequence[Tensor]) -> Features:
        """Features of grey or RGB pictures in [-1, 1].

        Args:
            images: ``[B, C, H, W]``, or a list of ``[C, H, W]`` of any sizes.

        Raises:
            ValueError: C is neither 1 nor 3.
        """
        device = self.network.fc.weight.device
        same = images.split(AT_ONCE) if isinstance(images, Tensor) else [image[None] for image in images]
        parts = [self(to_uint8(as_rgb(part.to(device)))) for part in same]
        return Features(*(torch.cat(features) for features in zip(*parts, strict=True)))


def to_uint8(images: Tensor) -> Tensor:
    """Maps [-1, 1] to 0 ... 255 as DiT's sampling script does: ``127.5 x + 128``, clipped and truncated."""
    return (127.5 * images.float() + 128).clamp(0, 255).to(torch.uint8)
