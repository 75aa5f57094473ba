"""Reconstruction and KL losses of a VAE, over what is real alone.

Masks are ``[B, T]`` along the last axis of the data; every real element counts the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina.values import Posterior


class Reconstruction(nn.Module):
    """The mean absolute difference, or the likelihood under a Laplace distribution with one learned scale.

    Args:
        learn_scale: learn the scale ``exp(logvar)``, as Make-An-Audio 2 does: the loss is
            ``|difference| / exp(logvar) + logvar``, which is least where the scale is the mean difference.
    """

    def __init__(self, learn_scale: bool = False) -> None:
        super().__init__()
        self.logvar = nn.Parameter(torch.zeros(())) if learn_scale else None

    def forward(self, output: Tensor, data: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss ``[]`` of reconstructions ``[B, ..., T]`` of ``data``."""
        difference = masked_mean(self._differences(output, data), mask)
        return difference if self.logvar is None else difference / self.logvar.exp() + self.logvar

    def _differences(self, output: Tensor, data: Tensor) -> Tensor:
        return (output - data).abs()


class SquaredReconstruction(Reconstruction):
    """The mean squared difference, which is least at averages; or the likelihood under a normal distribution."""

    def _differences(self, output: Tensor, data: Tensor) -> Tensor:
        return (output - data).square()


class EdgeReconstruction(Reconstruction):
    """The absolute difference of pictures, and that of the differences of neighbouring pixels: edges stay sharp.

    Args:
        scales: of the edges: the picture itself, half its size, a quarter, ...
        learn_scale: as for `Reconstruction`.
    """

    def __init__(self, scales: int = 2, learn_scale: bool = False) -> None:
        super().__init__(learn_scale)
        self.scales = scales

    def forward(self, output: Tensor, data: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss ``[]`` of reconstructions ``[B, C, H, W]`` of ``data``.

        Raises:
            ValueError: there is a mask.
        """
        if mask is not None:
            raise ValueError("EdgeReconstruction is for pictures; use Reconstruction for spectrograms.")
        loss, difference = super().forward(output, data), output - data
        for _ in range(self.scales):
            loss = loss + difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
            difference = F.avg_pool2d(difference, 2)
        return loss


def kl(posterior: Posterior, mask: Tensor | None = None) -> Tensor:
    """The divergence from N(0, 1) ``[]`` in nats, the mean over the numbers of the latents.

    Args:
        posterior: of the latents ``[B, C, ..., T]``.
        mask: of the latents, see `latent_mask`.
    """
    each = (posterior.mean.square() + posterior.logvar.exp() - 1 - posterior.logvar) / 2
    return masked_mean(each, mask)


def latent_mask(mask: Tensor | None, factor: int) -> Tensor | None:
    """``[B, T]`` to ``[B, T // factor]``: a latent is real where any of the frames that it stands for is."""
    if mask is None:
        return None
    frames = mask.shape[-1] - mask.shape[-1] % factor
    return mask[:, :frames].unflatten(-1, (-1, factor)).any(-1)


def masked_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """The mean ``[]`` of ``values [B, ..., T]`` over what is real; 0 where nothing is."""
    if mask is None:
        return values.mean()
    real = mask.view(len(mask), *[1] * (values.dim() - 2), -1).expand_as(values)
    return values.masked_fill(~real, 0).sum() / real.sum().clamp(min=1)
