"""Precision and recall of feature sets (Kynkaanniemi et al., 2019), with nearest-neighbour balls as ADM takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 2**26
"""Distances held at once (512 MiB)."""


class PrecisionRecall(NamedTuple):
    """Shares between 0 and 1.

    Attributes:
        precision: of samples that lie within the ball of some reference.
        recall: of references that lie within the ball of some sample.
    """

    precision: float
    recall: float


def precision_recall(generated: Tensor, reference: Tensor, k: int = 3) -> PrecisionRecall:
    """Fidelity and coverage; a ball reaches from its centre to the k-th nearest other member of the centre's set.

    In float64, where ADM's evaluator has float16: the third digit may differ from its own.

    Args:
        generated: ``[N, D]`` features.
        reference: ``[M, D]`` features; ImageNet's published numbers have M = 10,000 and N = 50,000.
        k: which neighbour.

    Raises:
        ValueError: the sets are not matrices of one width, or have fewer than k + 1 rows.
    """
    if generated.ndim != 2 or reference.ndim != 2 or generated.shape[1] != reference.shape[1]:
        shapes = f"{list(generated.shape)} and {list(reference.shape)}"
        raise ValueError(f"precision_recall got features of shape {shapes}; give [N, D] and [M, D], one D.")
    if min(len(generated), len(reference)) <= k:
        raise ValueError(
            f"precision_recall got {len(generated)} samples and {len(reference)} references; "
            f"the neighbour k={k} needs at least {k + 1} of each."
        )
    # Distances from |a|^2 + |b|^2 - 2ab lose the fewest digits around the centre.
    centre = reference.double().mean(0)
    generated, reference = generated.double() - centre, reference.double() - centre
    return PrecisionRecall(_share_inside(generated, reference, k), _share_inside(reference, generated, k))


def _share_inside(points: Tensor, centres: Tensor, k: int) -> float:
    """Share of ``points [N, D]`` that lie in the ball of some of ``centres [M, D]``."""
    # The nearest of all is the centre itself.
    radii = torch.cat([part.kthvalue(k + 1, dim=1).values for part in _distances(centres, centres)])
    inside = torch.cat([(part <= radii).any(1) for part in _distances(points, centres)])
    return inside.double().mean().item()


def _distances(x: Tensor, y: Tensor) -> Iterator[Tensor]:
    """Squared distances ``[N, M]`` of ``x [N, D]`` to ``y [M, D]``, in blocks of rows."""
    norms = y.square().sum(1)
    for rows in x.split(max(BLOCK // len(y), 1)):
        yield (rows.square().sum(1, keepdim=True) + norms - 2 * rows @ y.mT).clamp_min(0)
