"""Whether views can be of one object, without learned weights.

Silhouettes are not enough: views that all show the front agree well, and wrong colours are not seen. Colours are not
enough either: with a light that follows the camera, copies of one view agree better than true views. So use both.
Pictures with a side above 64 pixels are averaged down to it first, so that a pixel of tolerance means the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lumina.metrics.views.hull import VOXELS
from lumina.metrics.views.pinholes import Pinholes
from lumina.metrics.views.shared_points import Seen, look, shared_points
from lumina.scenes.cameras import Camera


@dataclass(frozen=True, slots=True)
class Colours:
    """How the colours of one object differ between neighbouring views.

    Attributes:
        difference: mean absolute difference of the two colours of a point, in [0, 1]; NaN if no point is seen twice.
        shuffled: the same between all points that a pair of views shares.
        points: how many pairs of colours were compared.
    """

    difference: float
    shuffled: float
    points: int

    @property
    def over_shuffled(self) -> float:
        """0 = each point keeps its colour, 1 = no better than by chance; NaN for an object of one colour."""
        return self.difference / self.shuffled if self.shuffled else torch.nan


@dataclass(frozen=True, slots=True)
class Agreement:
    """Both measures.

    Attributes:
        explained: ``[N]``, the share of each silhouette that the visual hull of all views explains.
        colours: of the points of the hull.
    """

    explained: Tensor
    colours: Colours


def silhouettes_explained(masks: Tensor, cameras: Sequence[Camera] | Pinholes, voxels: int = VOXELS) -> Tensor:
    """Share ``[N]`` of each silhouette that the visual hull of all views explains.

    The hull is carved from masks dilated by one pixel. A pixel is explained if its ray meets the hull. An empty
    silhouette counts 0, and so do all others then. For true views it is 0.99 or more as a rule; parts thinner than a
    pixel are hardly explained (`benchmarks.views`).

    Args:
        masks: ``[N, H, W]``, bool or shares in [0, 1], of which those above 0.5 count.
        cameras: of the N views, as values or as `Pinholes`.
        voxels: along each side of the hull's box.
    """
    return _explained(look(masks, cameras, voxels))


def colour_consistency(
    pictures: Tensor, masks: Tensor, cameras: Sequence[Camera] | Pinholes, voxels: int = VOXELS
) -> Colours:
    """Difference of the colours of hull points that neighbouring views see, and what it is for shuffled points.

    The points are those where the rays of a view's silhouette meet the visual hull. The next view around the object
    sees one if no part of the hull lies in front of it and if it falls into that view's silhouette. The outermost
    pixels of silhouettes are left out, because the background shines into them.

    Args:
        pictures: ``[N, 3, H, W]`` in [-1, 1].
        masks: ``[N, H, W]``, bool or shares in [0, 1], of which those above 0.5 count.
        cameras: of the N views, as values or as `Pinholes`.
        voxels: along each side of the hull's box.
    """
    return _colours(pictures, look(masks, cameras, voxels))


def agreement(pictures: Tensor, masks: Tensor, cameras: Sequence[Camera] | Pinholes, voxels: int = VOXELS) -> Agreement:
    """`silhouettes_explained` and `colour_consistency` at once, from one hull."""
    seen = look(masks, cameras, voxels)
    return Agreement(_explained(seen), _colours(pictures, seen))


def _explained(seen: Seen) -> Tensor:
    return seen.depths.isfinite().sum((1, 2)) / seen.masks.sum((1, 2)).clamp_min(1)


def _colours(pictures: Tensor, seen: Seen) -> Colours:
    pairs = shared_points(pictures / 2, seen)
    count = sum(len(pair.mine) for pair in pairs)
    if not count:
        return Colours(torch.nan, torch.nan, 0)
    difference = sum(float((pair.mine - pair.theirs).abs().mean(1).double().sum()) for pair in pairs)
    shuffled = sum(len(pair.mine) * _mean_difference(pair.mine, pair.theirs) for pair in pairs)
    return Colours(difference / count, shuffled / count, count)


def _mean_difference(mine: Tensor, theirs: Tensor) -> float:
    """Mean of ``|a - b|`` over all rows a of ``mine [P, C]`` and b of ``theirs [P, C]``, and all channels."""
    if not len(mine):
        return 0.0
    ordered, order = torch.cat((mine, theirs)).double().sort(0)
    mine_below = (order < len(mine)).cumsum(0)[:-1]
    below = torch.arange(1, len(ordered), device=mine.device)[:, None]
    theirs_below, count = below - mine_below, len(mine)
    crossing = mine_below * (count - theirs_below) + theirs_below * (count - mine_below)
    return float((ordered.diff(dim=0) * crossing).sum(0).mean()) / count**2
