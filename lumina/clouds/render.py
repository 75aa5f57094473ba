"""Pictures of point clouds by software alone: small shaded balls, no display and no OpenGL."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SUPERSAMPLING = 2
ELEVATION = math.radians(20)
FILL = 0.44  # of the picture's side: the cloud's radius
LOW, HIGH = (0.16, 0.32, 0.62), (0.95, 0.62, 0.30)  # colours of the lowest and of the highest points
INNER = (0.005, 0.995)  # quantiles of a coordinate: what lies outside may be stray points
FAR = 0.45  # how much of their colour the farthest points lose to the white behind


def turntable(points: Tensor, views: int = 3, size: int = 128) -> Tensor:
    """A cloud seen from several sides, the first from half left, side by side.

    Args:
        points: ``[P, 3]``, y upwards.
        views: pictures, evenly around the vertical axis.
        size: side of each, in pixels.

    Returns:
        ``[3, size, views * size]`` in [-1, 1].
    """
    azimuths = [math.radians(35) + 2 * math.pi * view / views for view in range(views)]
    return torch.cat([render(points, azimuth, size) for azimuth in azimuths], 2)


def render(points: Tensor, azimuth: float, size: int = 128) -> Tensor:
    """One orthographic view; what does not fit into the picture is left out.

    Args:
        points: ``[P, 3]``, y upwards.
        azimuth: of the camera around the vertical axis, in radians; 0 looks along -z.
        size: side in pixels.

    Returns:
        ``[3, size, size]`` in [-1, 1].
    """
    side = size * SUPERSAMPLING
    seen = centred(points.detach().float().cpu())
    across, up, near = (seen @ _camera(azimuth)).unbind(1)
    row, column = (side * (0.5 + FILL * x) for x in (-up, across))
    pixel, depth, light, owner = _balls(row, column, near * FILL * side, _radius(len(points), side), side)
    front = torch.full((side * side,), -torch.inf).scatter_reduce(0, pixel, depth, "amax")
    visible = depth == front[pixel]
    shade = _colours(seen, near)[owner[visible]] * light[visible].unsqueeze(1)
    image = torch.ones(side * side, 3).index_copy(0, pixel[visible], shade)
    return F.avg_pool2d(image.T.view(1, 3, side, side), SUPERSAMPLING)[0] * 2 - 1


def centred(points: Tensor) -> Tensor:
    """The cloud in a ball of radius 1, but for its farthest hundredth, which may be stray points; NaN becomes 0."""
    points = points.nan_to_num(0, 0, 0)
    low, high = points.quantile(torch.tensor(INNER), 0)
    points = points - (low + high) / 2
    radius = points.norm(dim=1).quantile(0.99)
    return points / radius.clamp(min=torch.finfo(points.dtype).tiny)


def _camera(azimuth: float) -> Tensor:
    """``[3, 3]``: a point times it is (to the right, up, towards the camera)."""
    sin, cos, low, high = math.sin(azimuth), math.cos(azimuth), math.sin(ELEVATION), math.cos(ELEVATION)
    return torch.tensor([[cos, -sin * low, sin * high], [0, high, low], [-sin, -cos * low, cos * high]])


def _radius(count: int, side: int) -> float:
    return max(1.2, min(0.03 * side, 0.28 * side / math.sqrt(count)))


def _balls(
    row: Tensor, column: Tensor, depth: Tensor, radius: float, side: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The pixels of a ball around each point: flat index, depth, light in [0, 1], number of the point; each ``[N]``."""
    reach = torch.arange(-math.ceil(radius), math.ceil(radius) + 1)
    dy, dx = (grid.flatten() for grid in torch.meshgrid(reach, reach, indexing="ij"))
    y, x = row.floor().long().unsqueeze(1) + dy, column.floor().long().unsqueeze(1) + dx
    ny, nx = (y + 0.5 - row.unsqueeze(1)) / radius, (x + 0.5 - column.unsqueeze(1)) / radius
    height = 1 - ny.square() - nx.square()
    inside = (height > 0) & (y >= 0) & (y < side) & (x >= 0) & (x < side)
    bump = height.clamp(min=0).sqrt()
    light = (0.45 + 0.55 * (0.75 * bump - 0.55 * ny - 0.35 * nx)).clamp(0.2, 1)
    owner = torch.arange(len(row)).unsqueeze(1).expand_as(y)
    return (y * side + x)[inside], (depth.unsqueeze(1) + radius * bump)[inside], light[inside], owner[inside]


def _colours(seen: Tensor, near: Tensor) -> Tensor:
    """``[P, 3]``: by height, paler with distance."""
    low, high = seen[:, 1].quantile(torch.tensor(INNER))
    height = ((seen[:, 1:2] - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
    colour = torch.lerp(torch.tensor(LOW), torch.tensor(HIGH), height)
    return torch.lerp(colour, torch.ones(3), FAR * ((1 - near.clamp(-1, 1)) / 2).unsqueeze(1))
