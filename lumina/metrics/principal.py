"""Principal components: fewer features, for sets too small for a covariance of all."""

from __future__ import annotations

import torch
from torch import Tensor


class PrincipalAxes:
    """The directions in which features vary most.

    Args:
        features: ``[N, D]``, from which they are found.
        count: how many directions; fewer where N or D is smaller.
    """

    def __init__(self, features: Tensor, count: int) -> None:
        rows = features.cpu().double()
        self._centre = rows.mean(0)
        self._axes = torch.linalg.svd(rows - self._centre, full_matrices=False).Vh[:count].mT

    def project(self, features: Tensor) -> Tensor:
        """``features [N, D]`` on the axes, ``[N, count]`` float64 on the CPU."""
        return (features.cpu().double() - self._centre) @ self._axes
