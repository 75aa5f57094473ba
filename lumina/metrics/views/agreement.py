"""Whether views can be of one object, without learned weights.

Silhouettes are not enough: views that all show the front agree well, and wrong colours are not seen. Colours are not
enough either: with a light that follows the camera, copies of one view agree better than true views. So use both.
Pictures with a side above 64 pixels are averaged down to it first, so that a pixel of tolerance means the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lumina.metrics.views.hull import VOXELS, Hull, at, carve, depths, dilated, middles, small
from lumina.metrics.views.pinholes import Pinholes, pinholes
from lumina.scenes.cameras import Camera

BEHIND = 1.5  # voxels from the hull to the object's surface, since its masks were dilated
TOLERANCE = BEHIND + 2  # voxels that a point may lie behind the hull as another view sees it


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
    return _explained(_seen(masks, pinholes(cameras), voxels))


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
    return _colours(pictures, _seen(masks, pinholes(cameras), voxels))


def agreement(pictures: Tensor, masks: Tensor, cameras: Sequence[Camera] | Pinholes, voxels: int = VOXELS) -> Agreement:
    """`silhouettes_explained` and `colour_consistency` at once, from one hull."""
    seen = _seen(masks, pinholes(cameras), voxels)
    return Agreement(_explained(seen), _colours(pictures, seen))


class _Seen(NamedTuple):
    """A visual hull, and what the cameras see of it.

    Attributes:
        hull: of the masks.
        masks: ``[N, H, W]`` bool.
        inner: ``[N, H, W]`` bool, the masks without their outermost pixels.
        depths: ``[N, H, W]``, of the hull in the masks.
        cameras: of the N views.
    """

    hull: Hull
    masks: Tensor
    inner: Tensor
    depths: Tensor
    cameras: Pinholes


def _seen(masks: Tensor, cameras: Pinholes, voxels: int) -> _Seen:
    reduced = small(masks[:, None].float())[:, 0] > 0.5
    hull = carve(reduced, cameras, voxels)
    return _Seen(hull, reduced, ~dilated(~reduced), depths(hull, reduced, cameras), cameras)


def _explained(seen: _Seen) -> Tensor:
    return seen.depths.isfinite().sum((1, 2)) / seen.masks.sum((1, 2)).clamp_min(1)


def _colours(pictures: Tensor, seen: _Seen) -> Colours:
    pairs = _pairs(small(pictures.float()) / 2, seen)
    count = sum(len(mine) for mine, _ in pairs)
    if not count:
        return Colours(torch.nan, torch.nan, 0)
    difference = sum(float((mine - theirs).abs().mean(1).double().sum()) for mine, theirs in pairs)
    shuffled = sum(len(mine) * _mean_difference(mine, theirs) for mine, theirs in pairs)
    return Colours(difference / count, shuffled / count, count)


def _pairs(colours: Tensor, seen: _Seen) -> list[tuple[Tensor, Tensor]]:
    """Colours ``[P_i, 3]`` of the shared points of each ordered pair of neighbours, in the one view and the other."""
    middle, _ = seen.cameras.aim()
    x, y, _ = (seen.cameras.places - middle).unbind(1)
    ring = torch.atan2(y, x).argsort()
    return [
        _shared(colours, seen, int(one), int(other))
        for neighbours in (ring.roll(-1), ring.roll(1))
        for one, other in zip(ring, neighbours, strict=True)
        if one != other
    ]


def _shared(colours: Tensor, seen: _Seen, one: int, other: int) -> tuple[Tensor, Tensor]:
    deep, cameras = seen.depths, seen.cameras
    rows, columns = (deep[one].isfinite() & seen.inner[one]).nonzero().unbind(1)
    ahead = cameras.directions(middles(rows, columns, deep), torch.full_like(rows, one))
    points = cameras.places[one] + (deep[one, rows, columns, None] + BEHIND * seen.hull.pitch) * ahead
    theirs, distance = (found[other] for found in cameras.project(points))
    surface = at(deep[other].where(seen.inner[other], -torch.inf)[None, None], theirs[None])[0, :, 0]
    visible = surface.isfinite() & (surface > 0) & (distance <= surface + TOLERANCE * seen.hull.pitch)
    return colours[one, :, rows, columns].mT[visible], at(colours[other, None], theirs[None])[0][visible]


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
