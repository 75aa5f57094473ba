"""Schedules: the times of a solver's steps between noise (t = 0) and data (t = 1).

A schedule is an increasing function of ``u`` in [0, 1], evaluated on a uniform grid and rescaled to run from exactly 0
to exactly 1. Schedules of diffusion models are mapped to the time of the straight path at equal signal-to-noise ratio:
``x = alpha * x1 + sigma * x0`` is, up to scale, the straight path at ``t = alpha / (alpha + sigma)``.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from lumina.interfaces import TimeSchedule
from lumina.sampling.paths import VariancePreserving


class Warp(TimeSchedule):
    """A schedule given by an increasing function of the uniform grid."""

    @abstractmethod
    def warp(self, u: Tensor) -> Tensor:
        """``u [N]`` in [0, 1] to increasing values ``[N]``, up to an affine map."""

    def times(self, steps: int) -> Tensor:
        """The times of ``steps`` intervals.

        Returns:
            ``[steps + 1]`` float64 on the CPU, strictly increasing from exactly 0 to exactly 1.

        Raises:
            ValueError: ``steps`` is below 1.
        """
        if steps < 1:
            raise ValueError(f"a time schedule needs at least 1 step, got {steps}: give the number of intervals")
        warped = self.warp(torch.linspace(0, 1, steps + 1, dtype=torch.float64))
        return (warped - warped[0]) / (warped[-1] - warped[0])


class Uniform(Warp):
    """Steps of equal length."""

    def warp(self, u: Tensor) -> Tensor:
        """The identity."""
        return u


class Rational(Warp):
    """``u / (sigma + u - sigma * u)`` (Lumina-Next, eq. 4, with its sign corrected): shorter steps near noise.

    The inverse is the same function with ``1 / sigma``.

    Args:
        sigma: the time shifting factor; above 1 the steps near noise are shorter, 1 is uniform.
    """

    def __init__(self, sigma: float = 4.0) -> None:
        _check_positive("Rational", sigma=sigma)
        self.sigma = sigma

    def warp(self, u: Tensor) -> Tensor:
        """Lumina-Next, eq. 4, left: ``u / (sigma + u - sigma * u)``."""
        return u / (self.sigma + u - self.sigma * u)


class Sigmoid(Warp):
    """Two half sigmoids that meet at ``mu`` (Lumina-Next, eq. 4): shorter steps near noise and near data.

    The printed function runs from 0.027 to 0.9997; here it is rescaled to run from 0 to 1.

    Args:
        mu: where the halves meet and the steps are longest.
        alpha: steepness on the noise side.
        beta: steepness on the data side.
    """

    def __init__(self, mu: float = 0.6, alpha: float = 6.0, beta: float = 20.0) -> None:
        _check_positive("Sigmoid", alpha=alpha, beta=beta)
        self.mu = mu
        self.alpha = alpha
        self.beta = beta

    def warp(self, u: Tensor) -> Tensor:
        """Lumina-Next, eq. 4, right: ``sigmoid(alpha (u - mu))`` below mu, ``sigmoid(beta (u - mu))`` above."""
        centred = u - self.mu
        return torch.sigmoid(torch.where(centred < 0, self.alpha * centred, self.beta * centred))


class Cosine(Warp):
    """The cosine schedule of "Improved DDPM" (Nichol and Dhariwal, 2021, eq. 17).

    Args:
        offset: a small shift that prevents too small noise levels near data.
    """

    def __init__(self, offset: float = 0.008) -> None:
        self.offset = offset

    def warp(self, u: Tensor) -> Tensor:
        """``alpha_bar = f(1 - u) / f(0)`` with ``f(s) = cos^2(pi / 2 * (s + offset) / (1 + offset))``."""
        angle = torch.pi / 2 * (1 - u + self.offset) / (1 + self.offset)
        alpha = torch.cos(angle) / torch.cos(angle[-1])
        return _flow_time(alpha, (1 - alpha**2).sqrt())


class Linear(Warp):
    """The variance-preserving process with linear beta (Song et al., 2021, "VP").

    Args:
        beta_min: beta at data.
        beta_max: beta at noise.
    """

    def __init__(self, beta_min: float = 0.1, beta_max: float = 20.0) -> None:
        self.path = VariancePreserving(beta_min, beta_max)

    def warp(self, u: Tensor) -> Tensor:
        """Equal steps of the diffusion time, mapped to the straight path."""
        return _flow_time(self.path.alpha(u), self.path.sigma(u))


class EDM(Warp):
    """The noise levels of EDM (Karras et al., 2022, eq. 5).

    Args:
        sigma_min: smallest noise level, near data.
        sigma_max: largest noise level, at the start.
        rho: larger values make the steps near data shorter.
    """

    def __init__(self, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> None:
        _check_positive("EDM", sigma_min=sigma_min, sigma_max=sigma_max, rho=rho)
        if sigma_min >= sigma_max:
            raise ValueError(f"EDM needs sigma_min < sigma_max, got {sigma_min} and {sigma_max}: swap them")
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max
        self.rho = rho

    def warp(self, u: Tensor) -> Tensor:
        """Equal steps of ``sigma ** (1 / rho)``, mapped to the straight path."""
        first, last = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        return _flow_time(torch.ones_like(u), (first + u * (last - first)) ** self.rho)


def _flow_time(alpha: Tensor, sigma: Tensor) -> Tensor:
    return alpha / (alpha + sigma)


def _check_positive(owner: str, **values: float) -> None:
    for name, value in values.items():
        if value <= 0:
            raise ValueError(f"{owner} needs {name} > 0, got {value}: give a positive number")
