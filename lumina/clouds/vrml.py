"""Meshes in VRML 2 files, as far as electronics libraries use it: sets of indexed faces, without transformations."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

LIST = re.compile(r"\b(point|coordIndex)\s*\[([^\]]*)\]")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
Array = npt.NDArray[np.float64]


def read_vrml(text: str) -> tuple[Array, npt.NDArray[np.int64]]:
    """Vertices ``[V, 3]`` and triangles ``[F, 3]`` of all face sets; polygons become fans.

    Raises:
        ValueError: a list of points or of faces is missing or incomplete.
    """
    lists: dict[str, list[list[float]]] = {"point": [], "coordIndex": []}
    for kind, body in LIST.findall(text):
        lists[kind].append([float(number) for number in NUMBER.findall(body)])
    if not lists["point"] or len(lists["point"]) != len(lists["coordIndex"]):
        raise ValueError(f"{len(lists['point'])} lists of points, {len(lists['coordIndex'])} of faces, expected pairs")
    vertices, faces, first = [], [np.zeros((0, 3), np.int64)], 0
    for numbers, corners in zip(lists["point"], lists["coordIndex"], strict=True):
        vertices.append(np.array(numbers).reshape(-1, 3))
        faces.append(_triangles(np.array(corners, np.int64)) + first)
        first += len(vertices[-1])
    return np.concatenate(vertices), np.concatenate(faces)


def _triangles(corners: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Fans of polygons that end with -1 each."""
    polygons = [part[part >= 0] for part in np.split(corners, np.flatnonzero(corners < 0))]
    fans = [(p[0], p[k], p[k + 1]) for p in polygons for k in range(1, len(p) - 1)]
    return np.array(fans, np.int64).reshape(-1, 3)
