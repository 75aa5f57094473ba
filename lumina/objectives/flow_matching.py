"""Flow matching on straight paths."""

from __future__ import annotations

from torch import Tensor

from lumina.interfaces import TimeSampling
from lumina.objectives.generative import Generative
from lumina.objectives.time_sampling import UniformTimes
from lumina.sampling.paths import Straight
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Sigmoid
from lumina.sampling.solvers import Midpoint


class FlowMatching(Generative):
    """The backbone predicts the velocity ``x1 - x0`` of ``x_t = t * x1 + (1 - t) * x0`` (Lumina-Next, section 2).

    Args:
        time_sampling: distribution of the training times; None = `UniformTimes`.
        sampler: draws samples; None = ten midpoint steps on the `Sigmoid` schedule, without guidance.
    """

    def __init__(self, time_sampling: TimeSampling | None = None, sampler: Sampler | None = None) -> None:
        super().__init__(
            sampler=sampler or Sampler(Sigmoid(), Midpoint(), steps=10),
            time_sampling=time_sampling or UniformTimes(),
            path=Straight(),
        )

    @property
    def time_range(self) -> tuple[float, float]:
        """The whole path, from noise at 0 to data at 1."""
        return 0.0, 1.0

    def target(self, x1: Tensor, x0: Tensor) -> Tensor:
        """The velocity ``x1 - x0``, ``[B, L, F]``."""
        return x1 - x0

    def velocity(self, prediction: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The prediction itself."""
        return prediction
