"""Normals at the corners of triangles, smooth over flat angles and sharp over steep ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.scenes.cameras import Floats

CREASE = 40.0
"""Faces that meet at a larger angle, in degrees, are shaded with an edge between them."""

MOST_AROUND = 64
"""Corners around one vertex that are compared in pairs; where there are more, all of them are smooth."""

PAIRS = 4_000_000  # compared at a time: about 200 MB


def corner_normals(
    vertices: Floats, faces: npt.NDArray[np.int32], given: npt.NDArray[np.float32], crease: float = CREASE
) -> npt.NDArray[np.float32]:
    """Unit normals ``[F, 3, 3]``: those given, and computed ones where they are 0.

    A computed normal is the mean of the normals of the faces around a vertex, weighted by their angles there (Thürmer
    and Wüthrich, 1998), over those that meet the corner's own face at less than ``crease`` degrees. Vertices at the
    same place count as one.

    Args:
        vertices: ``[V, 3]``.
        faces: ``[F, 3]``.
        given: ``[F, 3, 3]``, of any length.
        crease: in degrees.
    """
    length = np.linalg.norm(given, axis=-1, keepdims=True)
    missing = length[..., 0] < 1e-12
    if missing.all():
        return _computed(vertices, faces, crease)
    normals = given / np.where(length < 1e-12, 1, length)
    if missing.any():
        normals[missing] = _computed(vertices, faces, crease)[missing]
    return normals.astype(np.float32)


def face_normals(vertices: Floats, faces: npt.NDArray[np.int32]) -> Floats:
    """Unit normals ``[F, 3]`` of triangles, counter-clockwise from outside; +z for one without an area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return _unit(np.cross(b - a, c - a), np.array([0.0, 0, 1]))


def transformed_normals(normals: npt.NDArray[np.floating], matrices: Floats) -> Floats:
    """Unit normals ``[..., 3]`` of what linear maps ``[..., 3, 3]`` move; they point to the same side as before.

    They go by the inverse transposed, written as cofactors, which are there for maps that flatten, too.
    """
    a, b, c = (matrices[..., k] for k in range(3))
    cofactors = np.stack((np.cross(b, c), np.cross(c, a), np.cross(a, b)), -1)
    sign = np.where(np.linalg.det(matrices) < 0, -1, 1)[..., None]
    moved = sign * (cofactors @ normals[..., None])[..., 0]
    return _unit(moved, np.broadcast_to(np.array([0.0, 0, 1]), moved.shape))


def _computed(vertices: Floats, faces: npt.NDArray[np.int32], crease: float) -> npt.NDArray[np.float32]:
    flat = face_normals(vertices, faces).astype(np.float32)
    weighted = (_angles(vertices, faces)[..., None] * flat[:, None]).reshape(-1, 3)  # [3F, 3]
    place = _places(vertices)[faces].reshape(-1)
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    counts = np.diff(starts, append=len(order))
    total = np.repeat(np.add.reduceat(weighted[order], starts), counts, axis=0)
    own = flat[order // 3]
    for count in np.unique(counts[counts <= MOST_AROUND]).tolist():
        groups = starts[counts == count]
        for block in np.array_split(groups, 1 + len(groups) * count * count // PAIRS):
            members = block[:, None] + np.arange(count)  # [K, count] places in the order
            near = own[members] @ own[members].swapaxes(1, 2) >= math.cos(math.radians(crease)) - 1e-6
            total[members] = near @ weighted[order[members]]
    smooth = np.empty_like(total)
    smooth[order] = _unit(total, own)
    return smooth.reshape(-1, 3, 3)


def _angles(vertices: Floats, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """``[F, 3]`` angles at the corners, in radians."""
    angles = np.empty(faces.shape, np.float32)
    for k in range(3):
        here, next_, last = (vertices[faces[:, (k + step) % 3]] for step in range(3))
        ahead, back = next_ - here, last - here
        angles[:, k] = np.arctan2(np.linalg.norm(np.cross(ahead, back), axis=-1), (ahead * back).sum(-1))
    return angles


def _places(vertices: Floats) -> npt.NDArray[np.int64]:
    """``[V]`` numbers, equal for vertices at the same place."""
    order = np.lexsort(vertices.T)
    new = (np.diff(vertices[order], axis=0, prepend=np.nan) != 0).any(1)
    places = np.empty(len(vertices), np.int64)
    places[order] = np.cumsum(new) - 1
    return places


def _unit(vectors: npt.NDArray[Any], instead: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``[..., 3]`` of length 1; ``instead`` where they have none."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 0, vectors / np.where(length > 0, length, 1), instead)
