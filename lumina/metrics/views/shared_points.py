"""Points of an object's surface that two neighbouring views see, found without learned weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lumina.metrics.views.hull import VOXELS, Hull, at, carve, depths, dilated, middles, small
from lumina.metrics.views.pinholes import Pinholes, pinholes
from lumina.scenes.cameras import Camera

BEHIND = 1.5  # voxels from the hull to the object's surface, since its masks were dilated
TOLERANCE = BEHIND + 2  # voxels that a point may lie behind the hull as another view sees it


class Seen(NamedTuple):
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


class Pair(NamedTuple):
    """Two neighbouring views, and the colours of the points that both see.

    Attributes:
        one: the number of the view whose pixels the points are.
        other: that of its neighbour.
        mine: ``[P, 3]``, the colours in the first.
        theirs: ``[P, 3]``, those in the other.
    """

    one: int
    other: int
    mine: Tensor
    theirs: Tensor


def look(masks: Tensor, cameras: Sequence[Camera] | Pinholes, voxels: int = VOXELS) -> Seen:
    """The visual hull of some views.

    Args:
        masks: ``[N, H, W]``, bool or shares in [0, 1], of which those above 0.5 count.
        cameras: of the N views, as values or as `Pinholes`.
        voxels: along each side of the hull's box.
    """
    places, reduced = pinholes(cameras), small(masks[:, None].float())[:, 0] > 0.5
    hull = carve(reduced, places, voxels)
    return Seen(hull, reduced, ~dilated(~reduced), depths(hull, reduced, places), places)


def shared_points(pictures: Tensor, seen: Seen) -> list[Pair]:
    """The points that neighbours share, for each view with the next one around the object, then with the one before.

    Args:
        pictures: ``[N, 3, H, W]``.
        seen: of the same views.
    """
    colours = small(pictures.float())
    middle, _ = seen.cameras.aim()
    x, y, _ = (seen.cameras.places - middle).unbind(1)
    ring = torch.atan2(y, x).argsort()
    return [
        _shared(colours, seen, int(one), int(other))
        for neighbours in (ring.roll(-1), ring.roll(1))
        for one, other in zip(ring, neighbours, strict=True)
        if one != other
    ]


def _shared(colours: Tensor, seen: Seen, one: int, other: int) -> Pair:
    deep, cameras = seen.depths, seen.cameras
    rows, columns = (deep[one].isfinite() & seen.inner[one]).nonzero().unbind(1)
    ahead = cameras.directions(middles(rows, columns, deep), torch.full_like(rows, one))
    points = cameras.places[one] + (deep[one, rows, columns, None] + BEHIND * seen.hull.pitch) * ahead
    theirs, distance = (found[other] for found in cameras.project(points))
    surface = at(deep[other].where(seen.inner[other], -torch.inf)[None, None], theirs[None])[0, :, 0]
    visible = surface.isfinite() & (surface > 0) & (distance <= surface + TOLERANCE * seen.hull.pitch)
    mine = colours[one, :, rows, columns].mT[visible]
    return Pair(one, other, mine, at(colours[other, None], theirs[None])[0][visible])
