"""Fewer points of a cloud: at random, or spread evenly."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from lumina.errors import importing


def random_subset(points: Tensor, count: int, generator: Generator) -> Tensor:
    """``[count, 3]`` of ``points [P, 3]``, each at most once; all of them, as they are, where P is ``count``."""
    if len(points) == count:
        return points
    return points[torch.randperm(len(points), generator=generator)[:count]]


def farthest_subset(points: Tensor, count: int) -> Tensor:
    """``[count, 3]`` of ``points [P, 3]``, in their order: the first, and each time the farthest from all chosen ones.

    A point is chosen once, so there are fewer where points coincide.

    Raises:
        ImportError: naming the extra to install.
    """
    with importing("open3d", "the choice of farthest points"):
        from open3d import geometry, utility
    cloud = geometry.PointCloud(utility.Vector3dVector(points.double().numpy()))
    chosen = np.asarray(cloud.farthest_point_down_sample(count, start_index=0).points)
    return torch.from_numpy(chosen).to(points.dtype)
