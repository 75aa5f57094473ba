"""The posterior of an encoder."""

from __future__ import annotations

from torch import Tensor

from lumina.values import Posterior

LEAST, MOST = -30.0, 20.0
"""Bounds of the logarithm of a variance, those of latent diffusion."""


def split(moments: Tensor) -> Posterior:
    """Mean and clamped log-variance from ``[B, 2 C, ...]``, the mean first."""
    mean, logvar = moments.chunk(2, dim=1)
    return Posterior(mean=mean, logvar=logvar.clamp(LEAST, MOST))
