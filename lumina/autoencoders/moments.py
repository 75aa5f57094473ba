"""What networks share: which data they take, the deviation of its bands, and the moments that an encoder puts out."""

from __future__ import annotations

from torch import Tensor

from lumina.values import Posterior

LEAST, MOST = -30.0, 20.0
"""Bounds of the logarithm of a variance, those of latent diffusion."""
LEAST_DEVIATION = 0.1
"""Of a band, in units of the logarithm."""


def cut(data: Tensor, channels: int, factor: int) -> Tensor:
    """Data ``[B, channels, ...]`` without what exceeds a multiple of ``factor`` at the end of each further axis.

    Raises:
        ValueError: it has another number of channels, or an axis is shorter than ``factor``.
    """
    sides = data.shape[2:]
    if data.shape[1] != channels or min(sides) < factor:
        kind = "mel spectrograms [B, bands, T]" if len(sides) == 1 else "pictures [B, channels, H, W]"
        raise ValueError(
            f"this VAE takes {kind} with {channels} {'bands' if len(sides) == 1 else 'channels'} and sides of at "
            f"least {factor}, got {list(data.shape)}."
        )
    for axis, side in enumerate(sides, start=2):
        data = data.narrow(axis, 0, side - side % factor)
    return data


def deviation(std: Tensor) -> Tensor:
    """The deviation of bands, raised to 0.1, so that one that is silent throughout the data is not blown up."""
    return std.clamp(min=LEAST_DEVIATION)


def split(moments: Tensor) -> Posterior:
    """Mean and clamped log-variance from ``[B, 2 C, ...]``, the mean first."""
    mean, logvar = moments.chunk(2, dim=1)
    return Posterior(mean=mean, logvar=logvar.clamp(LEAST, MOST))
