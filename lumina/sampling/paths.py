"""Probability paths ``x_t = alpha(t) * x1 + sigma(t) * x0`` from noise ``x0`` at t = 0 to data ``x1`` at t = 1."""

from __future__ import annotations

import torch
from torch import Tensor

from lumina.interfaces import ProbabilityPath


class Straight(ProbabilityPath):
    """``x_t = t * x1 + (1 - t) * x0``: the path of flow matching (Lumina-Next, section 2; Lipman et al., 2023)."""

    @property
    def noise_range(self) -> tuple[float, float]:
        """Starts shortly after t = 0, where ``x_t`` is pure noise and does not determine the data."""
        return 1e-3, 1.0

    def alpha(self, t: Tensor) -> Tensor:
        """``alpha(t) = t``."""
        return t

    def sigma(self, t: Tensor) -> Tensor:
        """``sigma(t) = 1 - t``."""
        return 1 - t

    def d_alpha(self, t: Tensor) -> Tensor:
        """``alpha'(t) = 1``."""
        return torch.ones_like(t)

    def d_sigma(self, t: Tensor) -> Tensor:
        """``sigma'(t) = -1``."""
        return -torch.ones_like(t)


class VariancePreserving(ProbabilityPath):
    """``alpha^2 + sigma^2 = 1`` with a linear beta (Song et al., 2021, "VP"): the path of DDPM.

    With ``s = 1 - t`` and ``beta(s) = beta_min + s (beta_max - beta_min)``, ``alpha = exp(-1/2 integral_0^s beta)``.
    A little signal remains at t = 0: alpha = 0.0066 with the usual betas.

    Args:
        beta_min: beta at data, t = 1.
        beta_max: beta at noise, t = 0.

    Raises:
        ValueError: ``0 < beta_min <= beta_max`` does not hold.
    """

    def __init__(self, beta_min: float = 0.1, beta_max: float = 20.0) -> None:
        if not 0 < beta_min <= beta_max:
            raise ValueError(
                f"a variance-preserving path needs 0 < beta_min <= beta_max, got {beta_min} and {beta_max}: "
                "the usual values are 0.1 and 20"
            )
        self.beta_min = beta_min
        self.beta_max = beta_max

    @property
    def noise_range(self) -> tuple[float, float]:
        """Ends shortly before t = 1, where sigma vanishes like a square root and `d_sigma` diverges.

        At the end of the range sigma = 0.01 with the usual betas; sampling ends with a prediction of the data.
        """
        return 0.0, 1 - 1e-3

    def alpha(self, t: Tensor) -> Tensor:
        """``alpha(t) = exp(-s beta_min / 2 - s^2 (beta_max - beta_min) / 4)`` with ``s = 1 - t``."""
        return self._log_alpha(t).exp()

    def sigma(self, t: Tensor) -> Tensor:
        """``sigma(t) = sqrt(1 - alpha^2)``, computed with expm1 to stay accurate near data."""
        return (-torch.expm1(2 * self._log_alpha(t))).sqrt()

    def d_alpha(self, t: Tensor) -> Tensor:
        """``alpha'(t) = alpha * beta(1 - t) / 2``."""
        return self.alpha(t) * (self.beta_min + (1 - t) * (self.beta_max - self.beta_min)) / 2

    def d_sigma(self, t: Tensor) -> Tensor:
        """``sigma'(t) = -alpha * alpha' / sigma``; minus infinity at t = 1."""
        return -self.alpha(t) * self.d_alpha(t) / self.sigma(t)

    def _log_alpha(self, t: Tensor) -> Tensor:
        s = 1 - t
        return -s * self.beta_min / 2 - s**2 * (self.beta_max - self.beta_min) / 4
