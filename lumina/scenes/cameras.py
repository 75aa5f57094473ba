"""Pinhole cameras.

Camera-to-world matrices in the axes of OpenGL and Blender: x right, y up, the camera looks along -z. World z is up.
Pixel centres lie at +0.5. Angles are in degrees: the azimuth is counted from +x towards +y, the elevation from the
horizontal plane upwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A pinhole camera.

    Attributes:
        camera_to_world: ``[4, 4]`` float64.
        focal: fx and fy, in pixels.
        centre: cx and cy, in pixels from the top left corner.
        size: height and width, in pixels.
    """

    camera_to_world: Floats
    focal: tuple[float, float]
    centre: tuple[float, float]
    size: tuple[int, int]

    @classmethod
    def around(
        cls, azimuth: float, elevation: float, distance: float, field_of_view: float, size: tuple[int, int]
    ) -> Camera:
        """One that looks at the origin; ``field_of_view`` is the horizontal one, in degrees."""
        height, width = size
        focal = width / 2 / math.tan(math.radians(field_of_view) / 2)
        return cls(
            camera_to_world=camera_to_world(azimuth, elevation, distance),
            focal=(focal, focal),
            centre=(width / 2, height / 2),
            size=size,
        )

    @property
    def azimuth(self) -> float:
        """Of the camera's place, in degrees, in [0, 360)."""
        return azimuth_elevation(self.camera_to_world)[0]

    @property
    def elevation(self) -> float:
        """Of the camera's place, in degrees."""
        return azimuth_elevation(self.camera_to_world)[1]


def camera_to_world(azimuth: float, elevation: float, distance: float) -> Floats:
    """``[4, 4]`` of a camera at a distance from the origin, which it looks at; its x axis is horizontal."""
    around, up = math.radians(azimuth), math.radians(elevation)
    back = np.array([math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up)])
    right = np.array([-math.sin(around), math.cos(around), 0.0])
    matrix = np.eye(4)
    matrix[:3] = np.stack((right, np.cross(back, right), back, distance * back), axis=1)
    return matrix


def azimuth_elevation(matrix: Floats) -> tuple[float, float]:
    """Azimuth in [0, 360) and elevation of a camera's place ``[4, 4]``, in degrees."""
    x, y, z = matrix[:3, 3]
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.atan2(z, math.hypot(x, y)))
