"""The solver loop, shared by all solvers and schedules."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from tqdm import tqdm

from lumina.interfaces import Guidance, Solver, TimeSchedule
from lumina.values import Velocity

MOST_STEPS = 100_000


class Sampler:
    """Integrates the velocity from noise to data; the schedule sets the times, the solver computes each step.

    Args:
        schedule: the times of the steps.
        solver: integrates one step.
        steps: number of intervals; ten steps of `Euler` take ten evaluations of the velocity.
        guidance: combines velocities under all conditions and under fewer; None = only that under all.

    Raises:
        ValueError: ``steps`` is below 1, or too large for the schedules' precision.
    """

    def __init__(
        self, schedule: TimeSchedule, solver: Solver, steps: int = 20, guidance: Guidance | None = None
    ) -> None:
        if not 1 <= steps <= MOST_STEPS:
            raise ValueError(
                f"a sampler needs at least 1 step, at most {MOST_STEPS}, got {steps}: give the number of intervals"
            )
        self.schedule = schedule
        self.solver = solver
        self.steps = steps
        self.guidance = guidance

    @property
    def tells_apart(self) -> frozenset[str]:
        """Names of the conditions that guidance leaves out one without the other."""
        left_out = () if self.guidance is None else self.guidance.without
        return frozenset[str]().union(*(names for names in left_out if names is not None))

    @torch.no_grad()
    def sample(
        self,
        velocity: Velocity,
        noise: Tensor,
        time_range: tuple[float, float] = (0.0, 1.0),
        progress: bool = False,
        start: float = 0.0,
    ) -> Tensor:
        """The state at the end of the time range.

        Args:
            velocity: ``(x [B, L, F], t []) -> dx/dt [B, L, F]``; t is a float64 tensor, on the CPU except in `Dopri5`.
            noise: ``[B, L, F]``, the initial state.
            time_range: the times to which the schedule's 0 and 1 map.
            progress: show a progress bar in a terminal.
            start: start in the schedule's [0, 1]; earlier steps are skipped.

        Returns:
            ``[B, L, F]``.
        """
        first, last = time_range
        times = first + (last - first) * self._times(start)
        x = noise
        for t, t_next in tqdm(pairwise(times), total=len(times) - 1, disable=None if progress else True):
            x = self.solver.step(velocity, x, t, t_next)
        return x

    def _times(self, start: float) -> Tensor:
        times = self.schedule.times(self.steps)
        if not start:
            return times
        # the tolerance avoids a step of zero length due to rounding
        return torch.cat((times.new_tensor([start]), times[times > start + 1e-9]))
