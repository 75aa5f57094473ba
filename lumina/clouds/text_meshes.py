"""Meshes in text files of lines: OBJ and OFF, whose polygons may have any number of corners."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from lumina.clouds.polygons import triangles

Rows = list[list[str]]
Mesh = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64] | None]
OFF_HEAD = re.compile(r"(ST)?C?N?OFF\b")


def read_obj(text: str) -> Mesh:
    """Vertices ``[V, 3]`` and triangles ``[F, 3]`` of all groups and objects of an OBJ file; None = there are no faces.

    Materials, normals, colours and texture coordinates are left out.

    Raises:
        ValueError: the file is damaged, or has no vertices.
    """
    points: list[list[str]] = []
    polygons: list[list[int]] = []
    for line in text.replace("\\\n", " ").splitlines():
        kind, *words = line.partition("#")[0].split() or [""]
        if kind == "v":
            points.append(words[:3])
        elif kind == "f":
            corners = [int(word.partition("/")[0]) for word in words]
            if 0 in corners:
                raise ValueError("a face names vertex 0, but OBJ counts from 1")
            polygons.append([corner - 1 if corner > 0 else len(points) + corner for corner in corners])
    if not points:
        raise ValueError("it has no vertices")
    vertices = np.array(points, np.float64)
    return vertices, triangles(polygons, vertices) if polygons else None


def read_off(text: str) -> Mesh:
    """Vertices ``[V, 3]`` and triangles ``[F, 3]`` of an OFF file; None = there are no faces.

    Colours and normals are left out; comments may stand anywhere.

    Raises:
        ValueError: the file is damaged, or in four dimensions or binary.
    """
    return off_mesh(*off_rows(text))


def off_rows(text: str) -> tuple[Rows, Rows]:
    """The words of the lines of an OFF file: of each vertex, and of each face.

    Raises:
        ValueError: the file is damaged, or in four dimensions or binary.
    """
    text = re.sub(r"#[^\n]*", "", text).strip()
    head = OFF_HEAD.match(text)
    if head is None or text[head.end() :].lstrip().startswith("BINARY"):
        raise ValueError("it begins with neither OFF, COFF nor NOFF, or is binary: export it as text")
    rows = [row.split() for row in text[head.end() :].splitlines() if row.strip()]
    if not rows:
        raise ValueError("it is cut off")
    count, faces = (int(word) for word in rows[0][:2])
    if len(rows) < 1 + count + faces or not count:
        raise ValueError(f"it announces {count} vertices and {faces} faces, but has {len(rows) - 1} lines")
    return rows[1 : 1 + count], rows[1 + count : 1 + count + faces]


def off_mesh(points: Rows, faces: Rows) -> Mesh:
    """What `off_rows` tells, as `read_off` gives it.

    Raises:
        ValueError: the file is damaged.
    """
    vertices = np.array([row[:3] for row in points], np.float64)
    polygons = [[int(word) for word in row[1 : 1 + int(row[0])]] for row in faces]
    return vertices, triangles(polygons, vertices) if polygons else None
