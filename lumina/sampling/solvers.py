"""Solvers of the ordinary differential equation ``dx/dt = velocity(x, t)``, one step at a time.

Times are 0-d tensors or floats on any device. They are converted to float64 and never change the dtype of ``x``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lumina.interfaces import ProbabilityPath, Solver
from lumina.sampling.paths import VariancePreserving
from lumina.values import Velocity


@dataclass(frozen=True, slots=True, kw_only=True)
class Tableau:
    """The Butcher tableau of an explicit Runge-Kutta method with s stages.

    Attributes:
        nodes: s fractions of the step at which the stages are evaluated.
        matrix: s rows; row i contains the weights of the i previous slopes.
        weights: s weights of the slopes in the result.
    """

    nodes: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]


class RungeKutta(Solver):
    """An explicit Runge-Kutta method; subclasses define the tableau."""

    tableau: ClassVar[Tableau]

    def __init__(self) -> None:
        self.calls_per_step = len(self.tableau.weights)

    def step(self, velocity: Velocity, x: Tensor, t: Tensor | float, t_next: Tensor | float) -> Tensor:
        """Integrates ``x [B, L, F]`` from time ``t []`` to ``t_next []``."""
        start = _time(t)
        length = _time(t_next) - start
        slopes: list[Tensor] = []
        for node, row in zip(self.tableau.nodes, self.tableau.matrix, strict=True):
            slopes.append(velocity(_advance(x, length, row, slopes), start + node * length))
        return _advance(x, length, self.tableau.weights, slopes)


class Euler(RungeKutta):
    """Euler's method: first order, one evaluation per step."""

    tableau = Tableau(nodes=(0.0,), matrix=((),), weights=(1.0,))


class Midpoint(RungeKutta):
    """The midpoint method: second order, two evaluations per step (Lumina-Next, algorithm 1)."""

    tableau = Tableau(nodes=(0.0, 1 / 2), matrix=((), (1 / 2,)), weights=(0.0, 1.0))


class Heun(RungeKutta):
    """Heun's method, the trapezoidal rule with an Euler predictor: second order, two evaluations per step."""

    tableau = Tableau(nodes=(0.0, 1.0), matrix=((), (1.0,)), weights=(1 / 2, 1 / 2))


class RK3(RungeKutta):
    """Kutta's third-order method, three evaluations per step."""

    tableau = Tableau(nodes=(0.0, 1 / 2, 1.0), matrix=((), (1 / 2,), (-1.0, 2.0)), weights=(1 / 6, 2 / 3, 1 / 6))


class RK4(RungeKutta):
    """The classical fourth-order Runge-Kutta method, four evaluations per step."""

    tableau = Tableau(
        nodes=(0.0, 1 / 2, 1 / 2, 1.0),
        matrix=((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)),
        weights=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
    )


class Dopri5(Solver):
    """Dormand and Prince's adaptive fifth-order method, a reference for the other solvers.

    Each interval of the schedule restarts the step size control, so a single interval is cheapest.

    Args:
        rtol: tolerated relative error of a step.
        atol: tolerated absolute error of a step.
    """

    calls_per_step = 0

    def __init__(self, rtol: float = 1e-5, atol: float = 1e-5) -> None:
        self.rtol = rtol
        self.atol = atol

    def step(self, velocity: Velocity, x: Tensor, t: Tensor | float, t_next: Tensor | float) -> Tensor:
        """Integrates ``x [B, L, F]`` from time ``t []`` to ``t_next []``."""
        from torchdiffeq import odeint

        times = torch.stack((_time(t), _time(t_next))).to(x.device)
        states: Tensor = odeint(
            lambda time, state: velocity(state, time), x, times, method="dopri5", rtol=self.rtol, atol=self.atol
        )
        return states[-1]


class DDIM(Solver):
    """Deterministic DDIM (Song et al., 2020) for a velocity; exact if the predicted data and noise are constant.

    ``x = alpha x1 + sigma x0`` and ``v = alpha' x1 + sigma' x0`` determine the predicted data ``x1`` and noise ``x0``,
    which are then mixed with the coefficients of the next time. On the straight path this is Euler's method.

    Args:
        path: the probability path of the objective; None = `VariancePreserving`.
    """

    calls_per_step = 1

    def __init__(self, path: ProbabilityPath | None = None) -> None:
        self.path = path or VariancePreserving()

    def step(self, velocity: Velocity, x: Tensor, t: Tensor | float, t_next: Tensor | float) -> Tensor:
        """Integrates ``x [B, L, F]`` from time ``t []`` to ``t_next []``."""
        now, after, path = _time(t), _time(t_next), self.path
        alpha, sigma, d_alpha, d_sigma = path.alpha(now), path.sigma(now), path.d_alpha(now), path.d_sigma(now)
        determinant = d_alpha * sigma - d_sigma * alpha
        v = velocity(x, now)
        data = (sigma * v - d_sigma * x) / determinant
        noise = (d_alpha * x - alpha * v) / determinant
        return path.alpha(after) * data + path.sigma(after) * noise


def _time(t: Tensor | float) -> Tensor:
    return torch.as_tensor(t, dtype=torch.float64)


def _advance(x: Tensor, length: Tensor, weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            x = x + (weight * length) * slope
    return x
