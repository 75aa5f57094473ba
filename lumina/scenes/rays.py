"""Rays of a camera, and where they meet a mesh first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.errors import importing
from lumina.scenes.cameras import Camera, Floats

Singles = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.integer[Any]]
NEAREST = 1e-6  # depth of a corner, over the farthest one's, below which it counts as beside or behind the camera


@dataclass(frozen=True, slots=True, kw_only=True)
class Rays:
    """Half lines. A direction goes one unit along the viewing axis, so the way along a ray is a depth.

    Attributes:
        origin: ``[R, 3]``, the camera's place.
        direction: ``[R, 3]``.
        start: ``[R]`` depth from which on they see.
    """

    origin: Singles
    direction: Singles
    start: Singles

    def __len__(self) -> int:
        """Their number."""
        return len(self.origin)

    def beyond(self, chosen: Numbers, start: Singles) -> Rays:
        """Some of them, by number, from other depths on."""
        return Rays(origin=self.origin[chosen], direction=self.direction[chosen], start=start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Where rays meet a mesh.

    Attributes:
        ray: ``[K]`` numbers of the rays that meet it, rising.
        depth: ``[K]`` along the viewing axis, from the camera on.
        face: ``[K]`` number of the triangle.
        weights: ``[K, 3]`` barycentric, of its corners.
        flat: ``[K, 3]`` a normal of the triangle, on either side.
        direction: ``[K, 3]`` of the ray.
    """

    ray: Numbers
    depth: Singles
    face: Numbers
    weights: Singles
    flat: Singles
    direction: Singles


class RayCaster:
    """Finds the first triangle on rays, on one thread: whoever has more cores renders several objects at once.

    Args:
        vertices: ``[V, 3]``.
        faces: ``[F, 3]``.

    Raises:
        ImportError: naming the extra to install.
    """

    def __init__(self, vertices: Floats, faces: npt.NDArray[np.int32]) -> None:
        with importing("open3d", "rendering"):
            from open3d.core import Tensor
            from open3d.t.geometry import RaycastingScene
        self._tensor = Tensor.from_numpy
        self._scene = RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            self._tensor(np.ascontiguousarray(vertices, np.float32)),
            self._tensor(np.ascontiguousarray(faces, np.uint32)),
        )

    def __call__(self, rays: Rays) -> Hits:
        """The first hits."""
        first = rays.origin + rays.start[:, None] * rays.direction
        both = np.concatenate((first, rays.direction), 1)
        found = self._scene.cast_rays(self._tensor(both), nthreads=1)
        depth = found["t_hit"].numpy()
        ray = np.flatnonzero(np.isfinite(depth))
        second = found["primitive_uvs"].numpy()[ray]
        return Hits(
            ray=ray,
            depth=rays.start[ray] + depth[ray],
            face=found["primitive_ids"].numpy()[ray].astype(np.int64),
            weights=np.concatenate((1 - second.sum(1, keepdims=True), second), 1),
            flat=found["primitive_normals"].numpy()[ray],
            direction=rays.direction[ray],
        )


def pattern(count: int) -> Floats:
    """``[count, 2]`` places in a pixel, across and down in (0, 1), around its centre.

    No two share a column or a row of a ``count`` by ``count`` grid, so upright and level edges are as smooth as slanted
    ones: the ranks of the van der Corput sequence over equal steps (Hammersley's points).
    """
    reversed_bits = [int(f"{number:032b}"[::-1], 2) for number in range(count)]
    rank = np.argsort(np.argsort(reversed_bits))
    return (np.stack((np.arange(count), rank), 1) + 0.5) / count


def pixel_rays(camera: Camera, rows: range, columns: range, places: Floats) -> Rays:
    """Rays through the pixels of a rectangle, ``[rows * columns * P]``, through ``places [P, 2]`` of each.

    Pixels are in raster order, the places of a pixel after one another.
    """
    right, up, back = camera.camera_to_world[:3, :3].T
    across = (np.array(columns)[:, None] + places[:, 0] - camera.centre[0]) / camera.focal[0]
    down = (np.array(rows)[:, None] + places[:, 1] - camera.centre[1]) / camera.focal[1]
    direction = (across[..., None] * right)[None] - (down[..., None] * up + back)[:, None]
    flat = direction.astype(np.float32).reshape(-1, 3)
    origin = camera.camera_to_world[:3, 3].astype(np.float32)
    return Rays(origin=np.broadcast_to(origin, flat.shape), direction=flat, start=np.zeros(len(flat), np.float32))


def covered(camera: Camera, vertices: Floats) -> tuple[range, range]:
    """Rows and columns of the smallest rectangle that holds ``vertices [V, 3]``; the whole picture if some lie behind.

    It may be empty, for a camera that looks elsewhere.
    """
    height, width = camera.size
    x, y, z = ((vertices - camera.camera_to_world[:3, 3]) @ camera.camera_to_world[:3, :3]).T
    if -z.max() <= NEAREST * np.abs(z).max():
        return range(height), range(width)
    across = camera.centre[0] - camera.focal[0] * x / z
    down = camera.centre[1] + camera.focal[1] * y / z
    return _inside(down, height), _inside(across, width)


def _inside(places: Floats, size: int) -> range:
    first, last = np.clip((np.floor(places.min()), np.floor(places.max()) + 1), 0, size).astype(int).tolist()
    return range(first, last)
