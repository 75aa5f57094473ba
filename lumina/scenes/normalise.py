"""Meshes upright, in the middle and of one size, and what was done to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from lumina.scenes.cameras import Floats
from lumina.scenes.mesh import Mesh
from lumina.scenes.normals import transformed_normals

Up = Literal["x", "y", "z", "-x", "-y", "-z"]
UPS: tuple[Up, ...] = get_args(Up)

UPRIGHT: dict[Up, list[list[float]]] = {
    "z": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "-z": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "y": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "-y": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
    "x": [[0, 0, -1], [0, 1, 0], [1, 0, 0]],
    "-x": [[0, 0, 1], [0, 1, 0], [-1, 0, 0]],
}
"""Rotations that take an axis to z."""

USUAL: dict[str, Up] = {".glb": "y", ".gltf": "y", ".obj": "y", ".sh3f": "y"}
"""The axis that is up in files of a suffix: glTF demands y, OBJ mostly has it; others, of printers and scanners, z."""


def usual_up(file: Path) -> Up:
    """The axis that is up in a file of this kind, unless its owner knows better."""
    return USUAL.get(file.suffix.lower(), "z")


def upright(mesh: Mesh, up: Up) -> tuple[Mesh, dict[str, Any]]:
    """A mesh with z upwards, the centre of its box at 0, and the longest side of its box 1 long, as in Zero123's views.

    Args:
        mesh: as the file has it.
        up: the axis of the file that is up.

    Returns:
        The mesh, and what was done to it: ``up``, ``scale`` and ``offset`` ``[3]``. A point of the file lands at
        ``scale * (rotation @ point) + offset``, where the rotation is that of ``up`` in `UPRIGHT`.
    """
    turned = transformed(mesh, np.array(UPRIGHT[up], np.float64))
    low, high = turned.vertices.min(0), turned.vertices.max(0)
    scale = 1 / float((high - low).max())
    offset = -scale * (low + high) / 2
    placed = replace(turned, vertices=scale * turned.vertices + offset)
    return placed, {"up": up, "scale": scale, "offset": offset.tolist()}


def transformed(mesh: Mesh, matrix: Floats) -> Mesh:
    """A mesh under a linear map ``[3, 3]``; a mirror turns the order of corners, so that outside stays outside."""
    order = slice(None, None, -1) if np.linalg.det(matrix) < 0 else slice(None)
    return replace(
        mesh,
        vertices=mesh.vertices @ matrix.T,
        faces=np.ascontiguousarray(mesh.faces[:, order]),
        normals=transformed_normals(mesh.normals[:, order], matrix).astype(np.float32),
        uv=np.ascontiguousarray(mesh.uv[:, order]),
        colours=None if mesh.colours is None else np.ascontiguousarray(mesh.colours[:, order]),
    )
