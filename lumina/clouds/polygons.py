"""Polygons as triangles, concave ones too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

MOST_CORNERS = 5_000
"""Of a polygon that is not convex: its triangles take time by the square of their number, or worse."""


def triangles(polygons: Sequence[Any] | Ints, vertices: Floats) -> npt.NDArray[np.int64]:
    """Triangles that cover each polygon once.

    Convex polygons become fans, others lose one ear after another (Meisters, 1975), in the plane that fits them best.

    Args:
        polygons: numbers of vertices, in their order around each polygon; fewer than three are no polygon.
        vertices: ``[V, 3]``.

    Returns:
        ``[F, 3]``.

    Raises:
        ValueError: a polygon names a vertex that there is not, or has more than `MOST_CORNERS` and is not convex.
    """
    counts = np.array([len(polygon) for polygon in polygons], np.int64)
    found = [np.zeros((0, 3), np.int64)]
    for count in np.unique(counts[counts > 2]).tolist():
        alike = np.array([polygons[index] for index in np.flatnonzero(counts == count).tolist()], np.int64)
        wrong = alike[(alike < 0) | (alike >= len(vertices))]
        if len(wrong):
            raise ValueError(f"a face names vertex {wrong[0]} of {len(vertices)}")
        found += _of_alike(alike, vertices)
    return np.concatenate(found)


def _of_alike(polygons: npt.NDArray[np.int64], vertices: Floats) -> list[npt.NDArray[np.int64]]:
    """Triangles of ``polygons [K, N]`` of equally many corners."""
    if polygons.shape[1] == 3:
        return [polygons]
    flat = _flattened(vertices[polygons].astype(np.float64))
    convex = (_turns(flat) >= 0).all(1)
    count = polygons.shape[1]
    if count > MOST_CORNERS and not convex.all():
        raise ValueError(f"a face has {count:,} corners, of which {MOST_CORNERS:,} are read: export it as triangles")
    fans = [polygons[convex][:, (0, k, k + 1)] for k in range(1, count - 1)]
    ears = [one[_ears(corners)] for one, corners in zip(polygons[~convex], flat[~convex], strict=True)]
    return fans + ears


def _flattened(corners: Floats) -> Floats:
    """``[K, N, 2]``: the polygons ``[K, N, 3]`` in the planes of their normals (Newell's), counter-clockwise."""
    corners = corners - corners.mean(1, keepdims=True)
    normals = np.cross(corners, np.roll(corners, -1, 1)).sum(1)
    axis = np.abs(normals).argmax(1)
    rest = np.array([[1, 2], [2, 0], [0, 1]])[axis]
    flat = np.take_along_axis(corners, rest[:, None, :].repeat(corners.shape[1], 1), 2)
    mirrored = np.take_along_axis(normals, axis[:, None], 1) < 0
    flat[..., 1] *= np.where(mirrored, -1, 1)
    return flat


def _turns(flat: Floats) -> Floats:
    """``[..., N]``: positive where a polygon ``[..., N, 2]`` turns left."""
    return _cross(flat - np.roll(flat, 1, -2), np.roll(flat, -1, -2) - flat)


def _cross(a: Floats, b: Floats) -> Any:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _ears(flat: Floats) -> npt.NDArray[np.int64]:
    """``[N - 2, 3]`` corners of one counter-clockwise polygon ``[N, 2]``."""
    left, found = list(range(len(flat))), []
    while len(left) > 3:
        ear = next((k for k in range(len(left)) if _is_ear(flat, left, k)), None)
        if ear is None:  # it crosses itself: the sharpest corner does least harm
            ear = int(_turns(flat[left]).argmax())
        found.append((left[ear - 1], left[ear], left[(ear + 1) % len(left)]))
        del left[ear]
    return np.array([*found, left], np.int64)


def _is_ear(flat: Floats, left: list[int], index: int) -> bool:
    """Whether the triangle at a corner turns left and holds no other corner that is left."""
    corners = flat[[left[index - 1], left[index], left[(index + 1) % len(left)]]]
    if not _cross(corners[1] - corners[0], corners[2] - corners[1]) > 0:
        return False
    others = flat[left]
    sides = [_cross(corners[k] - corners[k - 1], others - corners[k - 1]) for k in range(3)]
    within = np.logical_and.reduce([side >= 0 for side in sides])
    own = (others[:, None] == corners).all(2).any(1)  # a polygon with a hole passes some corners twice
    return not bool((within & ~own).any())
