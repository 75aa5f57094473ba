"""Sampling that starts from data, or that keeps a part of it: image-to-image, inpainting, and the like elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lumina.interfaces import ProbabilityPath
from lumina.values import Velocity


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Data that a sample starts from, in token space.

    Attributes:
        features: ``[B, L, F]``, or one sample for all, ``[1, L, F]``.
        strength: how much noise is laid on it at the start: 1 = nothing is left of it, 0 = it stays as it is.
        kept: bool of the shape of ``features``, True = exactly this in the end; None = nothing is held fast.

    Raises:
        ValueError: for a strength outside 0 to 1.
    """

    features: Tensor
    strength: float = 1.0
    kept: Tensor | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength={self.strength} must lie between 0 (the data itself) and 1 (nothing of it).")

    def to(self, device: torch.device) -> Known:
        """The same on ``device``."""
        kept = None if self.kept is None else self.kept.to(device)
        return Known(features=self.features.to(device), strength=self.strength, kept=kept)

    @property
    def start(self) -> float:
        """Where on the schedule to begin: there is as much noise as the strength asks for."""
        return 1 - self.strength

    def begin(self, noise: Tensor, path: ProbabilityPath, time_range: tuple[float, float]) -> Tensor:
        """The state to begin with, from ``noise [B, L, F]``; the noise itself at strength 1."""
        if self.strength == 1:
            return noise
        first, last = time_range
        return self._noised(noise, torch.tensor(first + self.start * (last - first), dtype=torch.float64), path)

    def hold(self, velocity: Velocity, noise: Tensor, path: ProbabilityPath) -> Velocity:
        """The velocity with what is kept on its known way from ``noise [B, L, F]``, whatever the state there.

        Written as a velocity, it holds at every stage of every solver, and costs no solver its order.
        """
        if self.kept is None:
            return velocity
        kept = self.kept

        def held(x: Tensor, t: Tensor) -> Tensor:
            now = t.to(x.device)
            way = (path.d_alpha(now) * self.features + path.d_sigma(now) * noise).to(x.dtype)
            return torch.where(kept, way, velocity(torch.where(kept, self._noised(noise, now, path), x), t))

        return held

    def restore(self, x: Tensor) -> Tensor:
        """``x [B, L, F]`` with what is kept put back, free of rounding."""
        return x if self.kept is None else torch.where(self.kept, self.features.to(x.dtype), x)

    def _noised(self, noise: Tensor, t: Tensor, path: ProbabilityPath) -> Tensor:
        return (path.alpha(t) * self.features + path.sigma(t) * noise).to(noise.dtype)
