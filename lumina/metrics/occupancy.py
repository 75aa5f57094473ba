"""Where in space clouds have their points: the Jensen-Shannon divergence of two sets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import cKDTree

from lumina.metrics.points import Array, as_clouds


def occupancy_divergence(generated: Array, reference: Array, resolution: int = 28) -> float:
    """Jensen-Shannon divergence in bits between the points of all samples and those of all references (PointFlow).

    Each point counts for the nearest node of a grid over the cube from -0.5 to 0.5, of which the nodes within 0.5 of
    the centre are kept; a point outside counts for the nearest node too. The divergence says where points lie, not
    which lie together: a low value is necessary, not sufficient.

    Args:
        generated: ``[N, P, 3]`` clouds; only what lies within 0.5 of the origin is resolved.
        reference: ``[M, Q, 3]`` clouds.
        resolution: nodes on an edge.

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
    held = shares[shares > 0]
    return -float((held * np.log2(held)).sum())
