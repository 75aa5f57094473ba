"""The colour of points on a mesh."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lumina.scenes.materials import MaterialTable
from lumina.scenes.mesh import Mesh
from lumina.scenes.rays import Hits, Singles

Light = Literal["object", "none"]

TOWARDS_LIGHT = np.array([0, -0.55, 0.70], np.float32)
"""In the object's axes: above its front, in the middle, so that a mirrored view shows how a mirrored object is lit."""
DARKEST = 0.5  # brightness of what turns its back on the light


class Surface:
    """A mesh's surface, seen from both sides.

    Args:
        mesh: the triangles.
        light: "object" = a soft light fixed to the object, so that a point looks the same in all views; "none" = the
            materials' own colours.
    """

    def __init__(self, mesh: Mesh, light: Light) -> None:
        self._mesh, self._light = mesh, light
        self._materials = MaterialTable(mesh.materials)
        self._density = np.sqrt(self._texels_on_faces() / np.maximum(_areas(mesh), 1e-30))

    def colours(self, hits: Hits, spread: float = 0) -> Singles:
        """RGBA ``[K, 4]`` in [0, 1], not premultiplied.

        Args:
            hits: on the mesh.
            spread: distance between neighbouring rays over their depth: what is finer is taken from a coarser texture.
        """
        colours = self._own_colours(hits, spread)
        if self._light == "object":
            colours[:, :3] *= brightness(self.normals(hits))[:, None]
        return colours

    def alphas(self, hits: Hits, spread: float = 0) -> Singles:
        """``[K, 1]`` in [0, 1]; ``spread`` as for `colours`."""
        if self._materials.opaque:
            return np.ones((len(hits.face), 1), np.float32)
        return self._own_colours(hits, spread)[:, 3:]

    def normals(self, hits: Hits) -> Singles:
        """Smooth unit normals ``[K, 3]`` of the side that is seen."""
        smooth = interpolated(self._mesh.normals, hits)
        away = (_dot(hits.flat, hits.direction) > 0) != (_dot(smooth, hits.flat) < 0)
        length = np.maximum(np.sqrt(_dot(smooth, smooth)), np.finfo(np.float32).tiny)
        smooth /= np.where(away, -length, length)[:, None]
        return smooth

    def _own_colours(self, hits: Hits, spread: float) -> Singles:
        material = self._mesh.material[hits.face]
        spacing = self._density[hits.face] * hits.depth * np.float32(spread)
        colours = self._materials.colours(material, interpolated(self._mesh.uv, hits), spacing)
        if self._mesh.colours is not None:
            colours *= interpolated(self._mesh.colours, hits)
        colours[:, 3] = self._materials.alphas(material, colours[:, 3])
        return colours.clip(0, 1)

    def _texels_on_faces(self) -> Singles:
        """``[F]`` texels that a face covers, whole and parts."""
        uv = self._mesh.uv
        (a, b), (c, d) = (uv[:, 1] - uv[:, 0]).T, (uv[:, 2] - uv[:, 0]).T
        return self._materials.texels(self._mesh.material).prod(1) * np.abs(a * d - b * c) / 2


def _areas(mesh: Mesh) -> Singles:
    """``[F]`` of the faces."""
    first, second, third = (mesh.vertices[mesh.faces[:, corner]].astype(np.float32) for corner in range(3))
    normal = np.cross(second - first, third - first)
    return np.sqrt(_dot(normal, normal)) * np.float32(0.5)


def interpolated(corners: Singles, hits: Hits) -> Singles:
    """Values ``[K, C]`` at hits of what is given at the corners ``[F, 3, C]``."""
    return np.einsum("kw,kwc->kc", hits.weights, corners.take(hits.face, 0))


def brightness(normals: Singles) -> Singles:
    """Of ``normals [N, 3]``, from DARKEST to 1: half the cosine to the light and a half, so that nothing is black."""
    towards = TOWARDS_LIGHT / np.linalg.norm(TOWARDS_LIGHT)
    return DARKEST + (1 - DARKEST) * (0.5 + 0.5 * normals @ towards)


def _dot(left: Singles, right: Singles) -> Singles:
    return np.einsum("kc,kc->k", left, right)
