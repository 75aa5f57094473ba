"""The visual hull: the largest body whose silhouettes fit into those of all views (Laurentini, 1994)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lumina.metrics.views.pinholes import Pinholes

VOXELS = 48
ROUGH = 32  # voxels to find the box; a dilated pixel of 64 is wider than one
SIDE = 64


@dataclass(frozen=True, slots=True)
class Hull:
    """A visual hull in voxels.

    Attributes:
        filled: ``[V, V, V]`` bool, by x, y, z.
        low: ``[3]``, the corner of the box of voxels.
        high: ``[3]``, the corner opposite.
    """

    filled: Tensor
    low: Tensor
    high: Tensor

    @property
    def pitch(self) -> float:
        """The longest edge of a voxel."""
        return float((self.high - self.low).max()) / len(self.filled)

    def holds(self, points: Tensor) -> Tensor:
        """Whether each of the points ``[..., 3]`` lies in it."""
        cells = ((points - self.low) / (self.high - self.low) * len(self.filled)).floor().long()
        inside = ((cells >= 0) & (cells < len(self.filled))).all(-1)
        x, y, z = cells.clamp(0, len(self.filled) - 1).unbind(-1)
        return inside & self.filled[x, y, z]


def carve(masks: Tensor, cameras: Pinholes, voxels: int = VOXELS) -> Hull:
    """The hull of silhouettes, each dilated by one pixel; what a camera does not see is not part of it.

    It is carved twice: out of all that the cameras see, and finer out of the box around what was left.

    Args:
        masks: ``[N, H, W]`` bool.
        cameras: of the N views.
        voxels: along each side of the box.
    """
    wide = dilated(masks)
    middle, reach = cameras.aim()
    rough = _carve(wide, cameras, middle - reach, middle + reach, ROUGH)
    left = rough.filled.nonzero()
    if not len(left):
        return rough
    edge = 2 * reach / ROUGH
    low, high = rough.low + edge * (left.amin(0) - 1), rough.low + edge * (left.amax(0) + 2)
    return _carve(wide, cameras, low, high, voxels)


def depths(hull: Hull, masks: Tensor, cameras: Pinholes) -> Tensor:
    """Depth ``[N, H, W]`` of the hull at each pixel of the silhouettes ``[N, H, W]``; infinite where it is not hit."""
    steps = 3 * len(hull.filled)
    views, rows, columns = masks.nonzero().unbind(1)
    ahead = cameras.directions(middles(rows, columns, masks), views)
    start = cameras.places[views]
    sides = torch.stack([(side - start) / ahead for side in (hull.low, hull.high)])
    near, far = sides.amin(0).amax(-1).clamp_min(0), sides.amax(0).amin(-1)
    along = (torch.arange(steps, device=masks.device) + 0.5) / steps
    ways = near[:, None] + (far - near)[:, None] * along
    hit = hull.holds(start[:, None] + ways[..., None] * ahead[:, None]) & (far > near)[:, None]
    found = ways.where(hit, torch.inf).amin(1)
    return torch.full(masks.shape, torch.inf, device=masks.device).index_put((views, rows, columns), found)


def dilated(masks: Tensor) -> Tensor:
    """Masks ``[N, H, W]`` bool, one pixel wider."""
    return F.max_pool2d(masks[:, None].float(), 3, 1, 1)[:, 0] > 0


def at(pictures: Tensor, places: Tensor) -> Tensor:
    """The pixels ``[N, P, C]`` of ``pictures [N, C, H, W]`` at ``places [N, P, 2]``; 0 outside."""
    found = F.grid_sample(pictures, places[:, None], "nearest", "zeros", align_corners=False)
    return found[:, :, 0].mT


def middles(rows: Tensor, columns: Tensor, pictures: Tensor) -> Tensor:
    """Places ``[P, 2]`` of the middles of pixels of ``pictures [..., H, W]``."""
    height, width = pictures.shape[-2:]
    return torch.stack(((2 * columns + 1) / width, (2 * rows + 1) / height), -1) - 1


def small(pictures: Tensor) -> Tensor:
    """Pictures ``[N, C, H, W]``, those with a side above `SIDE` pixels averaged down to it."""
    height, width = pictures.shape[-2:]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return pictures
    return F.interpolate(pictures, (max(1, round(height * scale)), max(1, round(width * scale))), mode="area")


def _carve(wide: Tensor, cameras: Pinholes, low: Tensor, high: Tensor, voxels: int) -> Hull:
    along = (torch.arange(voxels, device=wide.device) + 0.5) / voxels
    points = low + (high - low) * torch.cartesian_prod(along, along, along)
    places, deep = cameras.project(points)
    inside = at(wide[:, None].float(), places)[..., 0] > 0
    return Hull((inside & (deep > 0)).all(0).view(voxels, voxels, voxels), low, high)
