"""Shapes in the forms in which real sets come, small and made up."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

SQUARE = "v 0 0 0\nv 2 0 0\nv 2 0 1\nv 0 0 1\nv 0 1 0\nf 1 2 3\nf 1 3 4\nf 1 5 2\n"
NAMES = ("Chair", "Armchair", "Table", "Desk lamp", "\\u00d8 chair", "Bench", "Round table", "Stool")
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 4)])
SIDES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def write_catalogue(folder: Path, names: Sequence[str] = NAMES, models: Mapping[int, str] | None = None) -> Path:
    """Furniture of 100 x 30 x 50 cm, the second one lying on its back, as Sweet Home 3D has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# a comment"]
    for number, name in enumerate(names, 1):
        entry = {"name": name, "category": "Office" if "lamp" in name else "Living room", "model": f"/m/{number}.obj"}
        entry |= {"width": "100", "depth": "50", "height": "30"}
        if number == 2:
            entry["modelRotation"] = "1 0 0 0 0 1 0 -1 0"
        lines += [f"{key}#{number}={value}" for key, value in entry.items()]
    with zipfile.ZipFile(folder / "test.sh3f", "w") as archive:
        archive.writestr("PluginFurnitureCatalog.properties", "\n".join(lines).encode("latin-1"))
        for number in range(1, len(names) + 1):
            archive.writestr(f"m/{number}.obj", (models or {}).get(number, SQUARE))
    return folder


def write_vrml(path: Path, vertices: np.ndarray = CORNERS, faces: Sequence[Sequence[int]] = SIDES) -> Path:
    """A mesh, as electronics libraries have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    indices = " ".join(",".join(map(str, face)) + ",-1," for face in faces)
    points = ", ".join(" ".join(f"{x:.16g}" for x in vertex) for vertex in vertices)
    shape = f"geometry IndexedFaceSet {{ coordIndex [{indices}] coord Coordinate {{ point [{points}] }} }}"
    path.write_text(f"#VRML V2.0 utf8\nShape {{ {shape} }}\n")
    return path


def write_box(path: Path, sides: Sequence[float] = (1, 2, 4)) -> Path:
    """A box as an OBJ file without materials."""
    path.parent.mkdir(parents=True, exist_ok=True)
    corners = CORNERS / CORNERS.max(0) * sides
    lines = [f"v {x} {y} {z}\n" for x, y, z in corners]
    path.write_text("".join(lines + ["f " + " ".join(str(n + 1) for n in side) + "\n" for side in SIDES]))
    return path
