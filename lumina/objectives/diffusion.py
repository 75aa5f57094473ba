"""Diffusion with noise prediction, an ablation of flow matching."""

from __future__ import annotations

from torch import Tensor

from lumina.interfaces import ProbabilityPath, TimeSampling
from lumina.objectives.generative import Generative
from lumina.objectives.time_sampling import UniformTimes
from lumina.sampling.paths import VariancePreserving
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import DDIM


class Diffusion(Generative):
    """The backbone predicts the noise ``x0`` in ``x_t = alpha * x1 + sigma * x0`` (DDPM; Ho et al., 2020).

    Args:
        time_sampling: distribution of the training times; None = `UniformTimes`.
        sampler: draws samples; None = fifty uniform steps of `DDIM` on the same path, without guidance.
        path: the probability path between noise and data; None = `VariancePreserving`.
    """

    def __init__(
        self,
        time_sampling: TimeSampling | None = None,
        sampler: Sampler | None = None,
        path: ProbabilityPath | None = None,
    ) -> None:
        path = path or VariancePreserving()
        super().__init__(
            sampler=sampler or Sampler(Uniform(), DDIM(path), steps=50),
            time_sampling=time_sampling or UniformTimes(),
            path=path,
        )

    @property
    def time_range(self) -> tuple[float, float]:
        """The path's `noise_range`; `VariancePreserving` ends at 1 - 1e-3, because ``d_sigma`` diverges at t = 1."""
        return self.path.noise_range

    def target(self, x1: Tensor, x0: Tensor) -> Tensor:
        """The noise ``x0 [B, L, F]``."""
        return x0

    def velocity(self, prediction: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The velocity ``alpha' x1 + sigma' x0`` with the predicted noise ``x0``.

        The data follow as ``x1 = (x_t - sigma x0) / alpha``, which gives the velocity
        ``(alpha' / alpha) x_t + (sigma' - sigma alpha' / alpha) x0``. Near noise alpha is small and an explicit ``x1``
        would multiply the prediction error by ``1 / alpha``, while ``alpha' / alpha`` stays moderate.
        """
        t = t[:, None, None]
        growth = self.path.d_alpha(t) / self.path.alpha(t)
        return growth * x_t + (self.path.d_sigma(t) - growth * self.path.sigma(t)) * prediction
