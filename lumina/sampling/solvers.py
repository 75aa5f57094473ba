"""One step of an ordinary differential equation ``dx/dt = velocity(x, t)``.

Times are 0-d tensors or floats; they are taken as float64, on whatever device, and never change the dtype of ``x``.
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
        matrix: s rows; row i weighs the i slopes before it.
        weights: s weights of the slopes in the result.
    """

    nodes: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]


class RungeKutta(Solver):
    """Explicit Runge-Kutta; a method is a subclass that holds its tableau."""

    tableau: ClassVar[Tableau]

    def __init__(self) -> None:
        self.calls_per_step = len(self.tableau.weights)

    def step(self, velocity: Velocity, x: Tensor, t: Tensor | float, t_next: Tensor | float) -> Tensor:
        """``x [B, L, F]`` at time ``t []`` carried to ``t_next []``."""
        start = _time(t)
        length = _time(t_next) - start
        slopes: list[Tensor] = []
        for node, row in zip(self.tableau.nodes, self.tableau.matrix, strict=True):
            slopes.append(velocity(_advance(x, length, row, slopes), start + node * length))
        return _advance(x, length, self.tableau.weights, slopes)


class Euler(RungeKutta):
    """First order, one evaluation a step."""

    tableau = Tableau(nodes=(0.0,), matrix=((),), weights=(1.0,))


class Midpoint(RungeKutta):
    """Second order, two evaluations a step (Lumina-Next algorithm 1)."""

    tableau = Tableau(nodes=(0.0, 1 / 2), matrix=((), (1 / 2,)), weights=(0.0, 1.0))


class Heun(RungeKutta):
    """Second order, two evaluations a step: the trapezoidal rule with a predictor."""

    tableau = Tableau(nodes=(0.0, 1.0), matrix=((), (1.0,)), weights=(1 / 2, 1 / 2))


class RK3(RungeKutta):
    """Kutta's third-order method, three evaluations a step."""

    tableau = Tableau(nodes=(0.0, 1 / 2, 1.0), matrix=((), (1 / 2,), (-1.0, 2.0)), weights=(1 / 6, 2 / 3, 1 / 6))


class RK4(RungeKutta):
    """The classical fourth-order method, four evaluations a step."""

    tableau = Tableau(
        nodes=(0.0, 1 / 2, 1 / 2, 1.0),
        matrix=((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)),
        weights=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
    )


class Dopri5(Solver):
    """Dormand and Prince's adaptive fifth-order method: the reference that other solvers are measured against.

    It starts afresh in every interval of the schedule, so one interval is the cheapest use of it.

    Args:
        rtol: relative error tolerated in a step.
        atol: absolute error tolerated in a step.
    """

    calls_per_step = 0

    def __init__(self, rtol: float = 1e-5, atol: float = 1e-5) -> None:
        self.rtol = rtol
        self.atol = atol

    def step(self, velocity: Velocity, x: Tensor, t: Tensor | float, t_next: Tensor | float) -> Tensor:
        """``x [B, L, F]`` at time ``t []`` carried to ``t_next []``."""
        from torchdiffeq import odeint

        times = torch.stack((_time(t), _time(t_next))).to(x.device)
        states: Tensor = odeint(
            lambda time, state: velocity(state, time), x, times, method="dopri5", rtol=self.rtol, atol=self.atol
        )
        return states[-1]


class DDIM(Solver):
    """Deterministic DDIM (Song et al. 2020), told in velocities: exact when data and noise seen from ``x`` stay put.

    From ``x = alpha x1 + sigma x0`` and ``v = alpha' x1 + sigma' x0`` follow the data ``x1`` and the noise ``x0`` that
    the network sees, and these are mixed anew for the next time. On the straight path this is Euler's method.

    Args:
        path: the probability path of the objective that the velocity comes from; None means `VariancePreserving`.
    """

    calls_per_step = 1

    def __init__(self, path: ProbabilityPath | None = None) -> None:
        self.path = path or VariancePreserving()

    def step(self, velocity: Velocity, x: Tensor, t: Tensor | float, t_next: Tensor | float) -> Tensor:
        """``x [B, L, F]`` at time ``t []`` carried to ``t_next []``."""
        now, then, path = _time(t), _time(t_next), self.path
        alpha, sigma, d_alpha, d_sigma = path.alpha(now), path.sigma(now), path.d_alpha(now), path.d_sigma(now)
        determinant = d_alpha * sigma - d_sigma * alpha
        v = velocity(x, now)
        data = (sigma * v - d_sigma * x) / determinant
        noise = (d_alpha * x - alpha * v) / determinant
        return path.alpha(then) * data + path.sigma(then) * noise


def _time(t: Tensor | float) -> Tensor:
    return torch.as_tensor(t, dtype=torch.float64)


def _advance(x: Tensor, length: Tensor, weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            x = x + (weight * length) * slope
    return x
