"""The only solver loop."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from tqdm import tqdm

from lumina.interfaces import Guidance, Solver, TimeSchedule
from lumina.values import Velocity

MOST_STEPS = 100_000


class Sampler:
    """Carries noise to data: a schedule says where the steps fall, a solver takes them.

    Args:
        schedule: where the steps fall.
        solver: how one step is taken.
        steps: number of intervals; ten steps of `Euler` are ten evaluations of the velocity.
        guidance: how conditional and unconditional velocities are combined; None evaluates the conditional one alone.

    Raises:
        ValueError: if ``steps`` is below 1, or above what any schedule can tell apart.
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
            velocity: ``(x [B, L, F], t []) -> dx/dt [B, L, F]``; t is a float64 tensor, on the CPU but for `Dopri5`.
            noise: ``[B, L, F]``, the state at the start.
            time_range: the schedule's 0 and 1 fall on these two times.
            progress: whether a progress bar is shown, where there is a terminal.
            start: where between the schedule's 0 and 1 to begin; what lies before it is left out.

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
        # a step that rounding alone makes would cost an evaluation
        return torch.cat((times.new_tensor([start]), times[times > start + 1e-9]))
