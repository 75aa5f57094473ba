"""Views that were not lit like the others of their object."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from lumina.data.census import counted
from lumina.metrics.views.pinholes import Pinholes
from lumina.metrics.views.shared_points import look, shared_points
from lumina.scenes.cameras import Camera
from lumina.values import Item

VOXELS = 32
FEWEST = 20  # points that two views share, to compare their brightness
WIDEST = 60.0  # degrees between neighbours; the few points that wider ones share lie at the edges of both
DARKEST = 1e-3  # mean that counts as black
UNEQUAL = 1.25  # factor between neighbours
MISTAKEN = 0.1  # share of objects; of furniture that was rendered under one light, one in sixty seems unequal


def brightness_apart(pictures: Tensor, masks: Tensor, cameras: Sequence[Camera] | Pinholes) -> Tensor:
    """The factor ``[N]``, 1 or more, by which a view is brighter or darker than both views beside it.

    Compared are the points of the object that neighbours share, so a dark side is no difference. It is 1 where one
    neighbour is brighter and the other darker, as under a light that moves with the camera, and where they share too
    few points, as views that are more than 60 degrees apart do.

    Args:
        pictures: ``[N, 3, H, W]`` in [-1, 1].
        masks: ``[N, H, W]``, bool or shares in [0, 1], of which those above 0.5 count.
        cameras: of the N views, as values or as `Pinholes`.
    """
    seen = look(masks, cameras, VOXELS)
    middle, _ = seen.cameras.aim()
    towards = normalize(seen.cameras.places - middle, dim=1)
    near = towards @ towards.mT > math.cos(math.radians(WIDEST))
    logs, beside = torch.zeros(near.shape, dtype=torch.float64), torch.zeros_like(near)
    for pair in shared_points(pictures / 2 + 0.5, seen):
        beside[pair.one, pair.other] = True
        if len(pair.mine) >= FEWEST and near[pair.one, pair.other]:
            mine, theirs = (float(colours.mean().clamp_min(DARKEST)) for colours in (pair.mine, pair.theirs))
            logs[pair.one, pair.other] = math.log(mine / theirs)
    if not beside.any():
        return torch.ones(len(pictures), dtype=torch.float64)
    brighter = (logs - logs.T) / 2
    least = [apart.where(beside, torch.inf).amin(1) for apart in (brighter, -brighter)]
    return torch.maximum(*least).clamp_min(0).exp()


def unequal_light(items: Iterable[Item]) -> Iterator[str]:
    """A line where more objects have views of unequal brightness than chance explains.

    Args:
        items: objects with ``views``, ``alpha``, ``camera_to_world`` and ``field_of_view``; without transparency there
            are no silhouettes to compare by.
    """
    factors = [
        float(brightness_apart(item["views"], item["alpha"], cameras).max())
        for item in items
        if not (item["alpha"] == 1).all()
        for cameras in [Pinholes.of_view(item["camera_to_world"], item["field_of_view"])]
    ]
    unequal = [factor for factor in factors if factor > UNEQUAL]
    if len(unequal) > MISTAKEN * len(factors):
        yield (
            f"unequal light: of {len(unequal)} of {counted(len(factors), 'object')} looked at a view is brighter or "
            f"darker than those beside it, by a factor of up to {max(unequal):.1f}; a model learns to draw such"
        )
