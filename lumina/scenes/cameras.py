"""Pinhole cameras.

Camera-to-world matrices in the axes of OpenGL and Blender: x right, y up, the camera looks along -z. World z is up.
Pixel centres lie at +0.5. Angles are in degrees: the azimuth is counted from +x towards +y, the elevation from the
horizontal plane upwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Lens = tuple[tuple[float, float], tuple[float, float], tuple[int, int]]

OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
"""Turns the axes of a camera into those of OpenCV and COLMAP (x right, y down, it looks along +z), or back."""

TOLERANCE = 1e-3  # of the entries of a rotation; six digits of text have it
TINY = 1e-9


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

    @classmethod
    def of_lens(cls, camera_to_world: Floats, lens: Lens) -> Camera:
        """One with another's `lens`."""
        focal, centre, size = lens
        return cls(camera_to_world=camera_to_world, focal=focal, centre=centre, size=size)

    @classmethod
    def of_opencv(cls, world_to_camera: Floats, lens: Lens) -> Camera:
        """One of which OpenCV's extrinsics ``[4, 4]`` are known."""
        return cls.of_lens(inverse(world_to_camera) @ OPENCV, lens)

    @property
    def opencv(self) -> Floats:
        """OpenCV's extrinsics: world-to-camera ``[4, 4]``, x right, y down, z forwards."""
        return inverse(self.camera_to_world @ OPENCV)

    @property
    def lens(self) -> Lens:
        """Everything but the pose: focal, centre and size."""
        return self.focal, self.centre, self.size

    @property
    def intrinsics(self) -> Floats:
        """``[3, 3]`` matrix that takes OpenCV's camera coordinates to pixels."""
        (fx, fy), (cx, cy) = self.focal, self.centre
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])

    @property
    def field_of_view(self) -> float:
        """The horizontal one, in degrees."""
        return math.degrees(2 * math.atan(self.size[1] / 2 / self.focal[0]))

    @property
    def azimuth(self) -> float:
        """Of the camera's place, in degrees, in [0, 360)."""
        return azimuth_elevation(self.camera_to_world)[0]

    @property
    def elevation(self) -> float:
        """Of the camera's place, in degrees."""
        return azimuth_elevation(self.camera_to_world)[1]

    def project(self, points: Floats) -> Floats:
        """``[P, 3]`` of points ``[P, 3]`` in the world: pixels right and down from the top left corner, and depth.

        The depth is the distance along the direction of view; what has none above 0 lies behind the camera.
        """
        extrinsics = self.opencv
        seen = points @ extrinsics[:3, :3].T + extrinsics[:3, 3]
        pixels = seen @ self.intrinsics.T
        return np.concatenate((pixels[:, :2] / seen[:, 2:], seen[:, 2:]), axis=1)

    def resized(self, size: tuple[int, int]) -> Camera:
        """The camera of the same picture, resized to a height and a width."""
        high, wide = size[0] / self.size[0], size[1] / self.size[1]
        (fx, fy), (cx, cy) = self.focal, self.centre
        return replace(self, focal=(wide * fx, high * fy), centre=(wide * cx, high * cy), size=size)


def camera_to_world(azimuth: float, elevation: float, distance: float) -> Floats:
    """``[4, 4]`` of a camera at a distance from the origin, which it looks at; its x axis is horizontal."""
    around, up = math.radians(azimuth % 360), math.radians(elevation)
    back = np.array([math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up)])
    right = np.array([-math.sin(around), math.cos(around), 0.0])
    matrix = np.eye(4)
    matrix[:3] = np.stack((right, np.cross(back, right), back, distance * back), axis=1)
    return matrix


def azimuth_elevation(matrix: Floats) -> tuple[float, float]:
    """Azimuth in [0, 360) and elevation of a camera's place ``[4, 4]``, in degrees."""
    x, y, z = matrix[:3, 3]
    return wrapped(math.degrees(math.atan2(y, x))), math.degrees(math.atan2(z, math.hypot(x, y)))


def inverse(matrix: Floats) -> Floats:
    """Of a pose ``[4, 4]``, exact also where its axes are not quite orthonormal.

    Raises:
        ValueError: it has none.
    """
    return np.asarray(np.linalg.inv(matrix), np.float64)


def wrapped(degrees: float) -> float:
    """An angle in [0, 360)."""
    return degrees % 360 % 360  # -1e-17 % 360 is 360


def apart(first: float, second: float) -> float:
    """How far two directions are from each other, in [0, 180] degrees."""
    return abs((first - second + 180) % 360 - 180)


def faults(matrices: Floats) -> list[str | None]:
    """What keeps each of ``[N, 4, 4]`` from being a camera's pose, in the words of a message; None = nothing.

    A pose turns and moves: its axes are orthonormal and right-handed. Numbers of float32 are exact enough.
    """
    turns = matrices[:, :3, :3]
    with np.errstate(all="ignore"):
        finite = np.isfinite(matrices.astype(np.float32)).all(axis=(1, 2))
        skew = np.abs(turns.transpose(0, 2, 1) @ turns - np.eye(3)).max(axis=(1, 2))
        mirrored = np.linalg.det(turns) < 0
    tests = {
        "holds numbers that are not finite": ~finite,
        "has a last row other than 0, 0, 0, 1": np.abs(matrices[:, 3] - (0, 0, 0, 1)).max(axis=1) > TOLERANCE,
        "is not orthonormal (it scales or shears)": ~(skew <= TOLERANCE),
        "mirrors (its axes are left-handed)": mirrored,
        "puts the camera at the origin, where it has no azimuth": np.abs(matrices[:, :3, 3]).max(axis=1) < TINY,
    }
    return [next((text for text, wrong in tests.items() if wrong[n]), None) for n in range(len(matrices))]
