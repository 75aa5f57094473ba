"""PLY, STL and OFF files, as trimesh takes them apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.clouds.polygons import triangles
from lumina.clouds.surface import trimesh
from lumina.clouds.text_meshes import off_mesh, off_rows
from lumina.scenes.beside import Beside
from lumina.scenes.cameras import Floats
from lumina.scenes.mesh import Material
from lumina.scenes.parts import GREY, Part
from lumina.scenes.textures import Pictures, Texture

COORDINATES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
"""Names of texture coordinates at the vertices of PLY files."""

WHITE = (1.0, 1.0, 1.0, 1.0)


def read_solid(file: Path, beside: Beside, said: list[str]) -> list[Part]:
    """The one part of a PLY, STL or OFF file.

    Args:
        file: its path.
        beside: where its texture is.
        said: what stands for what is missing is added to it.

    Raises:
        ValueError: the file is damaged, or holds points alone.
    """
    if file.suffix.lower() == ".off":
        text = file.read_text(encoding="latin-1")
        points, polygons = off_rows(text)
        vertices, faces = off_mesh(points, polygons)
        if text.startswith(("COFF", "STCOFF", "STCNOFF", "CNOFF")):
            said.append("the colours of its vertices are not read: light grey stands for them")
        if any(len(row) > 1 + int(row[0]) for row in polygons):
            said.append("the colours of its faces are not read: light grey stands for them")
        return [_plain(vertices, faces)]
    loaded = trimesh().load(file, process=False, skip_materials=True, force=None)
    if file.suffix.lower() == ".ply":
        return [_ply(loaded.metadata["_ply_raw"], file, beside, said)]
    if isinstance(loaded, trimesh().Scene):  # an STL of several solids
        loaded = loaded.to_mesh()
    if not len(getattr(loaded, "faces", ())):
        raise ValueError("it has no triangles, or fewer than it announces")
    return [_plain(np.asarray(loaded.vertices), np.asarray(loaded.faces))]


def _plain(vertices: Floats, faces: npt.NDArray[np.int64] | None) -> Part:
    if faces is None or not len(faces):
        raise ValueError(POINTS)
    return Part(vertices=vertices, faces=faces, material=Material(colour=GREY))


POINTS = "it holds points, but no faces to render: make a mesh of them first, by Poisson reconstruction, say"


def _ply(raw: Mapping[str, Any], file: Path, beside: Beside, said: list[str]) -> Part:
    vertex, face = (_columns(raw, name) for name in ("vertex", "face"))
    names = [name for name in ("vertex_indices", "vertex_index") if name in face]
    if not names or not len(face[names[0]]):
        raise ValueError(POINTS)
    positions = _stacked(vertex, ("x", "y", "z"))
    if positions is None:
        raise ValueError("its vertices have no x, y and z")
    polygons = _lists(face[names[0]])
    counts = np.array([len(polygon) for polygon in polygons])
    owner = np.repeat(np.arange(len(polygons)), counts)
    numbers = np.concatenate(polygons).astype(np.int64)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(positions):
        raise ValueError(f"a face names vertex {numbers.max()} of {len(positions)}")
    starts = np.cumsum(counts) - counts
    around = [np.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]
    corners = triangles(around, positions[numbers])
    faces = numbers[corners]
    texture, uv = _texture(file, beside, said), _coordinates(vertex, face, counts)
    colours = _colours(vertex, faces)
    if colours is None:
        colours = _colours(face, owner[corners])
    normals = _stacked(vertex, ("nx", "ny", "nz"))
    clear = any(rgba is not None and rgba[..., 3].min() < most for rgba, most in ((texture, 255), (colours, 1)))
    plain = texture is None and colours is None
    return Part(
        vertices=positions,
        faces=faces,
        normals=None if normals is None else normals[faces],
        uv=None if uv is None else uv[faces] if len(uv) == len(positions) else uv[corners],
        colours=colours,
        material=Material(colour=GREY if plain else WHITE, texture=texture, alpha="blend" if clear else "opaque"),
    )


def _columns(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The columns of an element of a PLY file.

    Raises:
        ValueError: there are fewer rows than the header announces.
    """
    if name not in raw or raw[name].get("data") is None:
        return {}
    data = raw[name]["data"]
    columns = dict(data) if isinstance(data, dict) else {column: data[column] for column in data.dtype.names or ()}
    there = min((len(column) for column in columns.values()), default=0)
    if there != raw[name]["length"]:
        raise ValueError(f"its header announces {raw[name]['length']} x {name}, of which {there} are there")
    return columns


def _lists(column: Any) -> list[npt.NDArray[Any]]:
    """The lists of a column of lists."""
    if getattr(column, "dtype", None) is not None and column.dtype.names:
        column = column["f1"]
    return [np.atleast_1d(np.asarray(one)) for one in column]


def _stacked(columns: Mapping[str, Any], names: tuple[str, ...]) -> Floats | None:
    """``[N, C]`` of some columns; None where one is missing."""
    if not set(names) <= set(columns):
        return None
    return np.stack([np.asarray(columns[name], np.float64).reshape(-1) for name in names], 1)


def _colours(columns: Mapping[str, Any], rows: npt.NDArray[np.int64]) -> Floats | None:
    """``[F, 3, 4]`` colours at the corners, of rows of an element; integers count to 255, floats to 1."""
    rgb = _stacked(columns, ("red", "green", "blue"))
    if rgb is None:
        return None
    alpha = np.asarray(columns["alpha"], np.float64).reshape(-1, 1) if "alpha" in columns else None
    whole = np.asarray(columns["red"]).dtype.kind in "iu" or rgb.max(initial=0) > 1
    rgba = np.concatenate((rgb, np.full((len(rgb), 1), 255 if whole else 1) if alpha is None else alpha), 1)
    return (rgba / (255 if whole else 1)).clip(0, 1)[rows]


def _coordinates(vertex: Mapping[str, Any], face: Mapping[str, Any], counts: npt.NDArray[np.int64]) -> Floats | None:
    """Texture coordinates of vertices, or of all corners of all polygons."""
    for names in COORDINATES:
        uv = _stacked(vertex, names)
        if uv is not None:
            return uv
    if "texcoord" not in face:
        return None
    lists = _lists(face["texcoord"])
    if any(len(one) != 2 * count for one, count in zip(lists, counts, strict=True)):
        return None
    return np.concatenate(lists).astype(np.float64).reshape(-1, 2)


def _texture(file: Path, beside: Beside, said: list[str]) -> Texture | None:
    with file.open("rb") as opened:
        head = opened.read(1 << 16).partition(b"end_header")[0]
    named = re.search(rb"^comment TextureFile[ \t]+(.+?)[ \t\r]*$", head, re.MULTILINE)
    if named is None:
        return None
    return Pictures(said).beside(named[1].decode("utf-8", "replace"), beside)
