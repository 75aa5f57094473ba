"""Pictures of a mesh by rays: no display, no OpenGL, the same bytes every time.

Colours are mixed and averaged as they are stored, in sRGB, as picture programs do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from lumina.scenes.cameras import Camera
from lumina.scenes.layers import mix
from lumina.scenes.mesh import Mesh
from lumina.scenes.rays import RayCaster, Singles, covered, pattern, pixel_rays
from lumina.scenes.shading import Light, Surface

RAYS_AT_ONCE = 2**18
THINNEST = 2e-5  # of the mesh's radius: surfaces closer than this are one
CENTRE = pattern(1)


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """One picture.

    Attributes:
        rgba: ``[H, W, 4]`` in [0, 1], not premultiplied, the mean over a pixel; 0 where nothing is.
        geometry: gives depth and normals, which are computed when they are asked for.
    """

    rgba: Singles
    geometry: Callable[[], tuple[Singles, Singles]]

    @cached_property
    def _seen(self) -> tuple[Singles, Singles]:
        return self.geometry()

    @property
    def depth(self) -> Singles:
        """``[H, W]`` along the viewing axis, at the pixel's centre; inf where nothing is.

        Where surfaces shine through others, of the one that gives most to the colour.
        """
        return self._seen[0]

    @property
    def normals(self) -> Singles:
        """``[H, W, 3]`` unit, in the world's axes, of the side that is seen; 0 where nothing is."""
        return self._seen[1]


class Renderer:
    """Renders views of one mesh.

    Args:
        mesh: with finite vertices.
        light: "object" = a soft light fixed to the object; "none" = the materials' own colours.

    Raises:
        ImportError: naming the extra to install.
        ValueError: the mesh has no faces, or vertices that are not finite.
    """

    def __init__(self, mesh: Mesh, light: Light = "object") -> None:
        if not len(mesh.faces):
            raise ValueError("A mesh without faces cannot be rendered.")
        if not np.isfinite(mesh.vertices).all():
            raise ValueError("A mesh with vertices that are not finite cannot be rendered.")
        self._cast = RayCaster(mesh.vertices, mesh.faces)
        self._surface = Surface(mesh, light)
        self._vertices = mesh.vertices
        self._step = THINNEST * float(np.ptp(mesh.vertices, axis=0).max())

    def render(self, camera: Camera, rays: int = 4) -> Rendering:
        """The mesh as a camera sees it.

        Args:
            camera: anywhere; what lies behind it is not seen.
            rays: for the colour of one pixel.

        Raises:
            ValueError: there are no rays.
        """
        if rays < 1:
            raise ValueError(f"A pixel cannot have {rays} rays: give 1 or more.")
        rgba = np.zeros((*camera.size, 4), np.float32)
        for rows, columns in self._bands(camera, rays):
            rgba[_slices(rows, columns)] = self._colours(camera, rows, columns, rays)
        return Rendering(rgba=rgba, geometry=partial(self._geometry, camera, rays))

    def _bands(self, camera: Camera, rays: int) -> Iterator[tuple[range, range]]:
        """Rows and columns of the parts of a picture that are rendered at once."""
        rows, columns = covered(camera, self._vertices)
        height = max(1, RAYS_AT_ONCE // max(1, len(columns) * rays))
        for start in range(rows.start, rows.stop, height):
            yield range(start, min(start + height, rows.stop)), columns

    def _colours(self, camera: Camera, rows: range, columns: range, rays: int) -> Singles:
        """``[rows, columns, 4]``: premultiplied while they are averaged, so that edges keep their colour."""
        cast = pixel_rays(camera, rows, columns, pattern(rays))
        colours = partial(self._surface.colours, spread=_spread(camera, rays))
        mixed = mix(cast, self._cast, colours, self._step)
        seen = np.zeros((len(cast), 4), np.float32)
        seen[mixed.hits.ray] = mixed.colours
        mean = seen.reshape(len(rows), len(columns), rays, 4).mean(2)
        mean[..., :3] /= np.maximum(mean[..., 3:], np.finfo(np.float32).tiny)
        return mean.clip(0, 1)

    def _geometry(self, camera: Camera, rays: int) -> tuple[Singles, Singles]:
        """Depth ``[H, W]`` and normals ``[H, W, 3]`` of a picture."""
        depth = np.full(camera.size, np.inf, np.float32)
        normals = np.zeros((*camera.size, 3), np.float32)
        for rows, columns in self._bands(camera, rays):
            here = _slices(rows, columns)
            depth[here], normals[here] = self._centres(camera, rows, columns, rays)
        return depth, normals

    def _centres(self, camera: Camera, rows: range, columns: range, rays: int) -> tuple[Singles, Singles]:
        """Depth ``[rows, columns]`` and normals ``[rows, columns, 3]`` at the pixels' centres."""
        cast = pixel_rays(camera, rows, columns, CENTRE)
        alphas = partial(self._surface.alphas, spread=_spread(camera, rays))
        mixed = mix(cast, self._cast, alphas, self._step)
        seen = mixed.colours[:, 0] > 0
        ray = mixed.hits.ray[seen]
        depth = np.full(len(cast), np.inf, np.float32)
        normals = np.zeros((len(cast), 3), np.float32)
        depth[ray] = mixed.hits.depth[seen]
        normals[ray] = self._surface.normals(mixed.hits)[seen]
        return depth.reshape(len(rows), -1), normals.reshape(len(rows), -1, 3)


def _slices(rows: range, columns: range) -> tuple[slice, slice]:
    return slice(rows.start, rows.stop), slice(columns.start, columns.stop)


def _spread(camera: Camera, rays: int) -> float:
    """Distance between neighbouring rays of a pixel, over their depth."""
    return 1 / (max(camera.focal) * math.sqrt(rays))


def fitting_distance(mesh: Mesh, field_of_view: float, margin: float = 0.05) -> float:
    """Distance from the origin at which a camera that looks there cuts nothing off, wherever it stands.

    Args:
        mesh: around the origin; the smallest sphere there that holds it is what fits.
        field_of_view: of the picture's shorter side, in degrees.
        margin: share of the half picture that stays free on every side.

    Raises:
        ValueError: no such distance exists.
    """
    if not 0 < field_of_view < 180:
        raise ValueError(f"The field of view is {field_of_view} degrees: give one between 0 and 180.")
    if not 0 <= margin < 1:
        raise ValueError(f"The margin is {margin}: give a share of the half picture, at least 0 and below 1.")
    radius = float(np.linalg.norm(mesh.vertices, axis=1).max())
    half = math.atan((1 - margin) * math.tan(math.radians(field_of_view) / 2))
    return radius / math.sin(half)
