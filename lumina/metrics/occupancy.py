"""Jensen-Shannon divergence between the spatial point distributions of two sets of clouds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import cKDTree

from lumina.metrics.points import Array, as_clouds


def occupancy_divergence(generated: Array, reference: Array, resolution: int = 28) -> float:
    """Jensen-Shannon divergence in bits between the points of all samples and those of all references (PointFlow).

    A regular grid covers the cube from -0.5 to 0.5; only nodes within 0.5 of the origin are used. Each point is
    assigned to the nearest node, also if it lies outside the ball. The divergence is
    ``H((p + q) / 2) - (H(p) + H(q)) / 2`` with the entropy H and the shares p and q of points per node. It compares
    where points lie, not which points belong to one cloud: a low value is necessary, not sufficient.

    Args:
        generated: ``[N, P, 3]`` clouds; only points within 0.5 of the origin are resolved.
        reference: ``[M, Q, 3]`` clouds.
        resolution: grid nodes along an edge.

    Raises:
        ValueError: as `lumina.metrics.points.chamfer_matrix`.
    """
    tree = cKDTree(_grid(resolution))
    p, q = (_shares(as_clouds(x, name), tree) for x, name in ((generated, "generated"), (reference, "reference")))
    return _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2


def _grid(resolution: int) -> npt.NDArray[np.float64]:
    line = np.linspace(-0.5, 0.5, resolution)
    nodes = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    return nodes[np.linalg.norm(nodes, axis=1) <= 0.5]


def _shares(clouds: torch.Tensor, tree: cKDTree) -> npt.NDArray[np.float64]:
    _, nearest = tree.query(clouds.cpu().numpy().reshape(-1, 3), workers=-1)
    return np.bincount(nearest, minlength=tree.n) / len(nearest)


def _entropy(shares: npt.NDArray[np.float64]) -> float:
    positive = shares[shares > 0]
    return -float((positive * np.log2(positive)).sum())
