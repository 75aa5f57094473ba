"""Sampling that starts from data, or that keeps a part of it: image-to-image, inpainting, and the like elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.interfaces import ProbabilityPath
from lumina.values import Known, Velocity


def starting_point(known: Known) -> float:
    """Where on the schedule to begin: there is as much noise as the strength asks for."""
    return 1 - known.strength


def begin(known: Known, noise: Tensor, path: ProbabilityPath, time_range: tuple[float, float]) -> Tensor:
    """The state to begin with, from ``noise [B, L, F]``; the noise itself at strength 1."""
    if known.strength == 1:
        return noise
    first, last = time_range
    t = torch.tensor(first + starting_point(known) * (last - first), dtype=torch.float64)
    return _noised(known, noise, t, path)


def hold(known: Known, velocity: Velocity, noise: Tensor, path: ProbabilityPath) -> Velocity:
    """The velocity with what is kept on its known way from ``noise [B, L, F]``, whatever the state there.

    Written as a velocity, it holds at every stage of every solver, and costs no solver its order.
    """
    if known.kept is None:
        return velocity
    kept = known.kept

    def held(x: Tensor, t: Tensor) -> Tensor:
        now = t.to(x.device)
        way = (path.d_alpha(now) * known.features + path.d_sigma(now) * noise).to(x.dtype)
        return torch.where(kept, way, velocity(torch.where(kept, _noised(known, noise, now, path), x), t))

    return held


def restore(known: Known, x: Tensor) -> Tensor:
    """``x [B, L, F]`` with what is kept put back, free of rounding."""
    return x if known.kept is None else torch.where(known.kept, known.features.to(x.dtype), x)


def _noised(known: Known, noise: Tensor, t: Tensor, path: ProbabilityPath) -> Tensor:
    return (path.alpha(t) * known.features + path.sigma(t) * noise).to(noise.dtype)
