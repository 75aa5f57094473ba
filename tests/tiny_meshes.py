"""Small meshes in files of several formats."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
SIDES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
"""A cube from 0 to 1; its sides counter-clockwise from outside."""

QUAD = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)


def picture(
    mode: str = "RGBA", colour: Any = (255, 0, 0, 128), size: tuple[int, int] = (4, 2), kind: str = "PNG"
) -> bytes:
    """A picture file of one colour."""
    data = io.BytesIO()
    Image.new(mode, size, colour).save(data, kind)
    return data.getvalue()


def cube_obj(scale: Sequence[float] = (1, 1, 1), head: str = "") -> str:
    """A cube of squares."""
    vertices = "".join(f"v {x} {y} {z}\n" for x, y, z in CORNERS * scale)
    faces = "".join(f"f {' '.join(str(corner + 1) for corner in side)}\n" for side in SIDES)
    return head + vertices + faces


def write_quad(folder: Path, mtl: str, files: Mapping[str, bytes] | None = None, face: str = "") -> Path:
    """A unit square in the plane z = 0 with an MTL file and pictures beside it."""
    (folder / "quad.mtl").write_text(mtl)
    for name, data in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    file = folder / "quad.obj"
    file.write_text(f"mtllib quad.mtl\n{QUAD}usemtl paint\n" + (face or "f 1/1 2/2 3/3 4/4\n"))
    return file


def glb(arrays: Sequence[Any], head: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    """A .glb file whose accessors are ``arrays``, in order, and whose further buffer views are ``blobs``.

    An array is one, or a pair of one and more fields of its accessor.
    """
    data, views, accessors = b"", [], []
    kinds = {"f": 5126, "B": 5121, "H": 5123, "I": 5125}
    for entry in arrays:
        array, more = entry if isinstance(entry, tuple) else (entry, {})
        data += b"\0" * (-len(data) % 4)
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": array.nbytes})
        width = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}[array.size // len(array)]
        accessor = {"bufferView": len(accessors), "componentType": kinds[array.dtype.char], "count": len(array)}
        accessors.append(accessor | {"type": width} | more)
        data += array.tobytes()
    for blob in blobs:
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": len(blob)})
        data += blob
    data += b"\0" * (-len(data) % 4)
    whole = {"asset": {"version": "2.0"}, "buffers": [{"byteLength": len(data)}]}
    whole |= {"bufferViews": views, "accessors": accessors} | dict(head)
    text = json.dumps(whole).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def triangle_head(node: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The JSON of one triangle, whose positions are accessor 0."""
    mesh = {"primitives": [{"attributes": {"POSITION": 0}}]}
    return {"meshes": [mesh], "nodes": [{"mesh": 0, **(node or {})}], "scenes": [{"nodes": [0]}], **more}
