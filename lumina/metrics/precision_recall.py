"""Precision and recall of feature sets (Kynkaanniemi et al., 2019), as ADM's evaluator computes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 2**26
"""Distances in memory at a time (512 MiB)."""


class PrecisionRecall(NamedTuple):
    """Precision and recall, between 0 and 1.

    Attributes:
        precision: share of samples inside the ball of at least one reference.
        recall: share of references inside the ball of at least one sample.
    """

    precision: float
    recall: float


def precision_recall(generated: Tensor, reference: Tensor, k: int = 3) -> PrecisionRecall:
    """Fidelity and coverage. The ball around a feature vector reaches to its k-th nearest neighbour in its own set.

    Computed in float64, where ADM's evaluator uses float16; the third digit may differ.

    Args:
        generated: ``[N, D]`` features.
        reference: ``[M, D]`` features; published ImageNet numbers use M = 10,000 and N = 50,000.
        k: index of the neighbour, from 1.

    Raises:
        ValueError: the sets are not matrices of equal width, or have fewer than k + 1 rows.
    """
    if generated.ndim != 2 or reference.ndim != 2 or generated.shape[1] != reference.shape[1]:
        shapes = f"{list(generated.shape)} and {list(reference.shape)}"
        raise ValueError(f"precision_recall got features of shape {shapes}; expected [N, D] and [M, D].")
    if min(len(generated), len(reference)) <= k:
        raise ValueError(
            f"precision_recall got {len(generated)} samples and {len(reference)} references; "
            f"k={k} needs at least {k + 1} of each."
        )
    # centring keeps the rounding error of |a|^2 + |b|^2 - 2ab small
    centre = reference.double().mean(0)
    generated, reference = generated.double() - centre, reference.double() - centre
    return PrecisionRecall(_share_inside(generated, reference, k), _share_inside(reference, generated, k))


def _share_inside(points: Tensor, centres: Tensor, k: int) -> float:
    """Share of ``points [N, D]`` inside the ball of at least one of ``centres [M, D]``."""
    # k + 1, because the nearest of a set to a centre is the centre itself
    radii = torch.cat([part.kthvalue(k + 1, dim=1).values for part in _distances(centres, centres)])
    inside = torch.cat([(part <= radii).any(1) for part in _distances(points, centres)])
    return inside.double().mean().item()


def _distances(x: Tensor, y: Tensor) -> Iterator[Tensor]:
    """Squared distances ``[N, M]`` of ``x [N, D]`` to ``y [M, D]``, in blocks of rows."""
    norms = y.square().sum(1)
    for rows in x.split(max(BLOCK // len(y), 1)):
        yield (rows.square().sum(1, keepdim=True) + norms - 2 * rows @ y.mT).clamp_min(0)
