"""The cameras of several views, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lumina.scenes.cameras import Camera


@dataclass(frozen=True, slots=True)
class Pinholes:
    """Pinhole cameras in the conventions of `lumina.scenes.cameras`.

    Places in a picture run from -1 to 1, from left to right and from top to bottom, whatever its size.

    Attributes:
        camera_to_world: ``[N, 4, 4]``.
        focal: ``[N, 2]``, in half widths and half heights of the picture.
        centre: ``[N, 2]``, the place of the optical axis.
    """

    camera_to_world: Tensor
    focal: Tensor
    centre: Tensor

    @classmethod
    def of(cls, cameras: Sequence[Camera]) -> Pinholes:
        """The same cameras, as float32."""
        size = torch.tensor([(camera.size[1], camera.size[0]) for camera in cameras])
        return cls(
            torch.from_numpy(np.stack([camera.camera_to_world for camera in cameras])).float(),
            2 * torch.tensor([camera.focal for camera in cameras]) / size,
            2 * torch.tensor([camera.centre for camera in cameras]) / size - 1,
        )

    @classmethod
    def of_view(cls, camera_to_world: Tensor, field_of_view: float | Tensor, aspect: float = 1) -> Pinholes:
        """Cameras of one field of view, with the optical axis in the middle of the picture.

        Args:
            camera_to_world: ``[N, 4, 4]``.
            field_of_view: the horizontal one, in degrees.
            aspect: the picture's width over its height.
        """
        tangent = torch.as_tensor(field_of_view, dtype=torch.float32).deg2rad().div(2).tan().to(camera_to_world.device)
        focal = camera_to_world.new_tensor((1.0, aspect)) / tangent
        return cls(
            camera_to_world, focal.expand(len(camera_to_world), 2), camera_to_world.new_zeros(len(camera_to_world), 2)
        )

    @property
    def places(self) -> Tensor:
        """Of the cameras, ``[N, 3]``."""
        return self.camera_to_world[:, :3, 3]

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Places in the pictures ``[N, P, 2]`` and depths ``[N, P]`` of points ``[P, 3]``."""
        turns = self.camera_to_world[:, :3, :3].mT
        ours = (turns.reshape(-1, 3) @ points.mT).unflatten(0, (-1, 3)) - turns @ self.places[..., None]
        places = ours[:, :2] * turns.new_tensor((1, -1))[:, None] / -ours[:, 2:]
        return (places * self.focal[..., None] + self.centre[..., None]).mT, -ours[:, 2]

    def directions(self, places: Tensor, views: Tensor) -> Tensor:
        """Rays ``[P, 3]`` through ``places [P, 2]`` of the pictures ``views [P]``, as long as one unit of depth."""
        x, y = ((places - self.centre[views]) / self.focal[views]).unbind(-1)
        ahead = torch.stack((x, -y, -torch.ones_like(x)), -1)
        return (self.camera_to_world[views, :3, :3] @ ahead[..., None]).squeeze(-1)

    def aim(self) -> tuple[Tensor, float]:
        """The point ``[3]`` nearest to all optical axes, and how far around it the cameras see.

        Where the axes are parallel it is the one nearest to the origin.
        """
        ahead = -self.camera_to_world[:, :3, 2].double()
        across = torch.eye(3, dtype=torch.float64, device=ahead.device) - ahead[:, :, None] * ahead[:, None]
        towards = (across @ self.places.double()[..., None]).sum(0)
        point = (torch.linalg.pinv(across.sum(0), rtol=1e-4, hermitian=True) @ towards).squeeze(-1).float()
        reach = (self.places - point).norm(dim=1, keepdim=True) / self.focal
        return point, float(reach.max())


def pinholes(cameras: Sequence[Camera] | Pinholes) -> Pinholes:
    """Cameras as tensors."""
    return cameras if isinstance(cameras, Pinholes) else Pinholes.of(cameras)
