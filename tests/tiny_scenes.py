"""Balls of closed form, seen by cameras around them, and data of such objects."""

from dataclasses import dataclass

import numpy as np
import torch

from lumina.data.datamodule import SplitDataModule
from lumina.scenes.cameras import Camera

BALLS = torch.tensor(((0.0, 0.0, -0.2, 0.2), (0.42, 0.1, 0.0, 0.1), (-0.2, 0.35, 0.25, 0.12), (-0.2, -0.35, 0.2, 0.09)))


@dataclass
class Seen:
    """What the cameras see: pictures ``[N, 3, H, W]`` in [-1, 1] on white, masks and depths ``[N, H, W]``."""

    pictures: torch.Tensor
    masks: torch.Tensor
    depths: torch.Tensor


def ring(azimuths, elevation=20.0, distance=3.0, field_of_view=30.0, size=(64, 64)):
    return [Camera.around(azimuth, elevation, distance, field_of_view, size) for azimuth in azimuths]


def see(cameras, balls=BALLS, phase=0.0):
    """Balls ``[K, 4]`` (middle and radius), coloured by the place on them."""
    found = [_see(camera, balls, phase) for camera in cameras]
    return Seen(*(torch.stack(parts) for parts in zip(*found, strict=True)))


def _see(camera, balls, phase):
    height, width = camera.size
    rows, columns = np.mgrid[:height, :width] + 0.5
    ahead = np.stack(
        [
            (columns - camera.centre[0]) / camera.focal[0],
            (camera.centre[1] - rows) / camera.focal[1],
            -np.ones_like(rows),
        ],
        -1,
    )
    rays = torch.from_numpy(ahead @ camera.camera_to_world[:3, :3].T)
    start = torch.from_numpy(camera.camera_to_world[:3, 3])
    from_middle = start - balls[:, :3].double()
    a, b = rays.square().sum(-1, keepdim=True), rays @ from_middle.T
    inside = b.square() - a * (from_middle.square().sum(1) - balls[:, 3].double().square())
    depth = ((-b - inside.clamp_min(0).sqrt()) / a).where(inside >= 0, torch.inf).amin(-1)
    mask = depth.isfinite()
    points = start + depth.nan_to_num(posinf=0)[..., None] * rays
    colour = (8 * points + phase).sin() * 0.9
    picture = colour.where(mask[..., None], 1).permute(2, 0, 1).float()
    return picture, mask, depth.float()


def item(number, azimuths=range(0, 360, 45), size=16):
    """An object as data yield it; its class decides what it looks like, its number a little."""
    label = number % len(BALLS)
    balls = BALLS.roll(label, 0)[: 2 + label % 2].clone()
    balls[:, :2] += 0.02 * torch.randn(len(balls), 2, generator=torch.Generator().manual_seed(number))
    cameras = ring(azimuths, size=(size, size))
    seen = see(cameras, balls, phase=label)
    return {
        "views": seen.pictures,
        "azimuths": torch.tensor([float(azimuth - azimuths[0]) % 360 for azimuth in azimuths]),
        "alpha": seen.masks.float(),
        "camera_to_world": torch.from_numpy(np.stack([camera.camera_to_world for camera in cameras])).float(),
        "field_of_view": torch.tensor(30.0),
        "reference": see(ring([azimuths[0]], elevation=-5, size=(size, size)), balls, phase=label).pictures[0],
        "label": label,
        "name": f"object {number}",
    }


class BallViews(SplitDataModule):
    """Objects of four classes: so many to train on, and as many numbers further on to test."""

    def __init__(self, count=12, held_out=6, **options):
        super().__init__(batch_size=4)
        self.items = {
            "train": [item(number, **options) for number in range(count)],
            "test": [item(number, **options) for number in range(count, count + held_out)],
        }

    def dataset(self, split):
        return self.items["train" if split == "train" else "test"]

    def batch(self):
        return self.collate(self.items["test"])
