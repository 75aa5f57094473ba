"""Bringing clouds to a common centre and size, by name, so that it can be undone and reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Normalisation = Literal["none", "shape_std", "shape_unit", "shape_bbox", "shape_sphere", "global_unit"]
"""How clouds are normalised.

* ``none``: not at all.
* ``shape_std``: mean 0, divided by the standard deviation over all coordinates after centring.
* ``shape_unit``: mean 0, divided by the standard deviation over all coordinates before centring
  (diffusion-point-cloud), so that clouds whose x, y and z have different means come out smaller.
* ``shape_bbox``: the centre of its box to 0, the longest side of the box to 2 (diffusion-point-cloud, for metrics).
* ``shape_sphere``: the centre of its box to 0, its farthest point to distance 1.
* ``global_unit``: all clouds with one mean and one standard deviation, those of the training set (PointFlow).
"""

ShapeNormalisation = Literal["none", "shape_std", "shape_unit", "shape_bbox", "shape_sphere"]
"""Those that know one cloud alone."""


@dataclass(frozen=True, slots=True)
class CentreScale:
    """What `points` are relative to: ``original = points * scale + centre``.

    Attributes:
        centre: ``[..., 3]``.
        scale: ``[...]``.
    """

    centre: Tensor
    scale: Tensor

    def apply(self, points: Tensor) -> Tensor:
        """``[..., P, 3]`` normalised; a cloud without extent is only moved."""
        scale = torch.where(self.scale > 0, self.scale, 1)
        return (points - self.centre.unsqueeze(-2)) / scale[..., None, None]

    def undo(self, points: Tensor) -> Tensor:
        """``[..., P, 3]`` as it was."""
        return points * self.scale[..., None, None] + self.centre.unsqueeze(-2)


def frame_of(points: Tensor, kind: ShapeNormalisation) -> CentreScale:
    """The frame that normalises each cloud.

    Args:
        points: ``[..., P, 3]``.
        kind: the normalisation.

    Returns:
        Scale 0 where all points of a cloud coincide, unless ``kind`` is "none".
    """
    box = points.amin(-2), points.amax(-2)
    middle = (box[0] + box[1]) / 2
    if kind == "none":
        return CentreScale(torch.zeros_like(middle), torch.ones_like(middle[..., 0]))
    if kind in ("shape_std", "shape_unit"):
        mean = points.mean(-2)
        measured = points if kind == "shape_unit" else points - mean.unsqueeze(-2)
        return CentreScale(mean, measured.flatten(-2).std(-1))
    if kind == "shape_bbox":
        return CentreScale(middle, (box[1] - box[0]).amax(-1) / 2)
    return CentreScale(middle, (points - middle.unsqueeze(-2)).norm(dim=-1).amax(-1))
