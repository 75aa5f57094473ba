"""Distances between sets of point clouds (PointFlow's conventions): Chamfer distance, MMD, COV and 1-NNA.

Chamfer distances have the squared unit of the coordinates. Tables usually print MMD x 10^3, and COV and 1-NNA in
percent. Numbers are only comparable if the clouds have the same normalisation and the same number of points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from tqdm.auto import tqdm

Array = Tensor | npt.NDArray[Any]
Distance = Callable[[Array, Array, bool], Tensor]
"""``(x [N, P, 3], y [M, Q, 3], progress) -> [N, M]``."""

BLOCK = 2**26
"""Distances in GPU memory at a time (512 MiB)."""


def chamfer_matrix(x: Array, y: Array, progress: bool = False) -> Tensor:
    """Chamfer distance of every cloud of ``x`` to every cloud of ``y``.

    The distance of clouds a and b is ``mean_a min_b |a - b|^2 + mean_b min_a |a - b|^2``: the mean squared distance to
    the nearest point of the other cloud, summed over both directions. To compare a set with itself, pass the same
    object twice; this halves the work.

    Args:
        x: ``[N, P, 3]`` clouds.
        y: ``[M, Q, 3]`` clouds.
        progress: show a progress bar.

    Returns:
        ``[N, M]`` float64 on the CPU; rows belong to ``x``.

    Raises:
        ValueError: a set is empty, is not of shape ``[N, P, 3]``, or contains NaN or infinity.
    """
    clouds_x = as_clouds(x, "x")
    if y is x:
        forward = _directed(clouds_x, clouds_x, progress)
        return forward + forward.T
    clouds_y = as_clouds(y, "y")
    return _directed(clouds_x, clouds_y, progress) + _directed(clouds_y, clouds_x, progress).T


def point_set_metrics(
    generated: Array, reference: Array, progress: bool = False, distance: Distance = chamfer_matrix
) -> dict[str, float]:
    """Quality and diversity of generated clouds under a distance.

    Args:
        generated: ``[N, P, 3]`` clouds.
        reference: ``[M, Q, 3]`` clouds; published numbers use M = N.
        progress: show progress bars.
        distance: computes the distance matrix of two sets, as `chamfer_matrix` does.

    Returns:
        ``mmd``: mean distance from a reference to its nearest sample; ``cov``: share of references that are the nearest
        one to some sample; ``one_nna``: accuracy of the leave-one-out nearest-neighbour classifier on the union of both
        sets (0.5 is best); ``acc_t`` and ``acc_f``: its accuracy on references and on samples.

    Raises:
        ValueError: as `chamfer_matrix`.
    """
    generated, reference = as_clouds(generated, "generated"), as_clouds(reference, "reference")
    across = distance(reference, generated, progress)
    within_reference = distance(reference, reference, progress)
    within_generated = distance(generated, generated, progress)
    matched = set(across.argmin(0).tolist())
    right_t, right_f = _nearest_neighbour_hits(within_reference, across, within_generated)
    return {
        "mmd": across.amin(1).mean().item(),
        "cov": len(matched) / len(across),
        "one_nna": torch.cat((right_t, right_f)).mean().item(),
        "acc_t": right_t.mean().item(),
        "acc_f": right_f.mean().item(),
    }


def _nearest_neighbour_hits(rr: Tensor, rs: Tensor, ss: Tensor) -> tuple[Tensor, Tensor]:
    """1 where the nearest other cloud belongs to the same set, for references ``[M]`` and samples ``[N]``."""
    union = torch.cat((torch.cat((rr, rs), 1), torch.cat((rs.T, ss), 1)))
    nearest = union.fill_diagonal_(torch.inf).argmin(1)
    near_reference = (nearest < len(rr)).double()
    return near_reference[: len(rr)], 1 - near_reference[len(rr) :]


def _directed(sources: Tensor, targets: Tensor, progress: bool) -> Tensor:
    """Mean squared distance ``[N, M]`` from the points of each source ``[N, P, 3]`` to each target ``[M, Q, 3]``."""
    nearest = _nearest_dense if sources.is_cuda else _nearest_tree
    points = sources.flatten(0, 1)
    columns = [
        nearest(points, target).view(sources.shape[:2]).mean(1)
        for target in tqdm(targets, desc="Chamfer distance", unit="cloud", disable=not progress)
    ]
    return torch.stack(columns, 1).cpu()


def _nearest_tree(points: Tensor, cloud: Tensor) -> Tensor:
    """Squared distance ``[K]`` of each of ``points [K, 3]`` to the nearest point of ``cloud [Q, 3]``; for CPUs."""
    distances, _ = cKDTree(cloud.numpy(), leafsize=32).query(points.numpy(), workers=-1)
    return torch.from_numpy(np.square(distances))


def _nearest_dense(points: Tensor, cloud: Tensor) -> Tensor:
    """As `_nearest_tree`, from all pairs; for GPUs.

    ``|a|^2 + |b|^2 - 2ab`` is one matrix product of vectors with five entries. It runs in float64, which TF32 and
    autocast do not affect.
    """
    centre = cloud.mean(0)
    points, cloud = points - centre, cloud - centre
    right = torch.cat((-2 * cloud, torch.ones_like(cloud[:, :1]), cloud.square().sum(1, keepdim=True)), 1)
    left = torch.cat((points, points.square().sum(1, keepdim=True), torch.ones_like(points[:, :1])), 1)
    rows = max(BLOCK // len(cloud), 1)
    return torch.cat([(part @ right.T).amin(1) for part in torch.split(left, rows)]).clamp_min_(0)


def as_clouds(values: Array, name: str) -> Tensor:
    """Validated clouds ``[N, P, 3]`` float64, on the GPU if ``values`` are on it.

    Raises:
        ValueError: as in `chamfer_matrix`; the message calls the set ``name``.
    """
    clouds = torch.as_tensor(values).detach()
    if clouds.ndim != 3 or clouds.shape[2] != 3 or clouds.numel() == 0:
        raise ValueError(f"Point clouds {name} have shape {list(clouds.shape)}; give at least one cloud as [N, P, 3].")
    if not clouds.isfinite().all():
        raise ValueError(f"Point clouds {name} hold NaN or infinity; leave out or repair those clouds first.")
    # accelerators other than CUDA may lack float64, so their clouds move to the CPU
    return clouds.double() if clouds.is_cuda else clouds.cpu().double()
