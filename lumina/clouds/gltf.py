"""What the header of a glTF file says of it."""

from __future__ import annotations

import json
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

COMPRESSED = {"EXT_meshopt_compression": "meshopt", "KHR_draco_mesh_compression": "Draco"}


def buffers(path: Path) -> list[Path]:
    """The files beside a .gltf file that hold its coordinates; none where the file is damaged."""
    try:
        uris = [buffer.get("uri", "data:") for buffer in _head(path)["buffers"]]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # told where it is read
        return []
    return [path.parent / unquote(uri) for uri in uris if not uri.startswith("data:")]


def require_plain(path: Path) -> None:
    """Refuses files from elsewhere, and compressed coordinates. The reader knows Draco where DracoPy is installed.

    Raises:
        ValueError: naming the compression or the file; or the file is damaged.
    """
    head = _head(path)
    _require_inside(path, [part.get("uri") for kind in ("buffers", "images") for part in head.get(kind, [])])
    required = head.get("extensionsRequired", [])
    for name in COMPRESSED.keys() & set(required):
        if COMPRESSED[name] == "Draco" and find_spec("DracoPy"):
            continue
        raise ValueError(f"it is compressed with {COMPRESSED[name]}, which is not read: export it without compression")


def _require_inside(path: Path, uris: list[Any]) -> None:
    folder = path.parent.resolve()
    for uri in uris:
        if uri is None or str(uri).startswith("data:"):
            continue
        beside = (folder / unquote(str(uri))).resolve()
        if "://" in str(uri) or not beside.is_relative_to(folder) or (beside.exists() and not beside.is_file()):
            raise ValueError(f"it names {uri}, which is no file in its folder: put what it needs beside it")


def _head(path: Path) -> Any:
    """The JSON of a .gltf file, or of the first chunk of a .glb file."""
    with path.open("rb") as file:
        start = file.read(20)
        if start[:4] != b"glTF":
            return json.loads(start + file.read())
        return json.loads(file.read(struct.unpack("<I", start[12:16])[0]))
