"""Sampling that starts from data or preserves a part of it: image-to-image, inpainting and their analogues."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.interfaces import ProbabilityPath
from lumina.values import Known, Velocity


def starting_point(known: Known) -> float:
    """Start of the sampling in the schedule's [0, 1]: ``1 - strength``."""
    return 1 - known.strength


def begin(known: Known, noise: Tensor, path: ProbabilityPath, time_range: tuple[float, float]) -> Tensor:
    """The initial state ``alpha(t) data + sigma(t) noise`` at the start time; the noise itself at strength 1."""
    if known.strength == 1:
        return noise
    first, last = time_range
    t = torch.tensor(first + starting_point(known) * (last - first), dtype=torch.float64)
    return _noised(known, noise, t, path)


def hold(known: Known, velocity: Velocity, noise: Tensor, path: ProbabilityPath) -> Velocity:
    """A velocity that moves the preserved part along its exact path from ``noise [B, L, F]`` to the data.

    The constraint is part of the velocity, so it holds at every stage of every solver and keeps the solver's order.
    """
    if known.keep_mask is None:
        return velocity
    kept = known.keep_mask

    def held(x: Tensor, t: Tensor) -> Tensor:
        now = t.to(x.device)
        exact = (path.d_alpha(now) * known.features + path.d_sigma(now) * noise).to(x.dtype)
        return torch.where(kept, exact, velocity(torch.where(kept, _noised(known, noise, now, path), x), t))

    return held


def restore(known: Known, x: Tensor) -> Tensor:
    """``x [B, L, F]`` with the preserved part replaced by the exact data, which removes rounding errors."""
    return x if known.keep_mask is None else torch.where(known.keep_mask, known.features.to(x.dtype), x)


def _noised(known: Known, noise: Tensor, t: Tensor, path: ProbabilityPath) -> Tensor:
    return (path.alpha(t) * known.features + path.sigma(t) * noise).to(noise.dtype)
