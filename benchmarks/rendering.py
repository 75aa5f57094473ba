"""Seconds a view of our renderer on one core and, where Blender is, of Cycles, and whether both see the same outline.

``python -m benchmarks.rendering FOLDER [--count 30] [--blender PYTHON] [--output FILE.json]``

The folder holds furniture catalogues ``*.sh3f`` or files of meshes. ``--blender`` names a Python that has the package
bpy: another environment, since bpy needs NumPy 1 and is under the GPL (``python3.11 -m venv DIR`` and
``DIR/bin/pip install "bpy==5.0.1" "numpy<2"``). Seconds are the processor's, so they hold beside other work too.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.report import machine, save
from lumina.scenes.cameras import Camera
from lumina.scenes.catalogues import read_catalogue, read_piece
from lumina.scenes.mesh import Mesh
from lumina.scenes.normalise import Up, upright, usual_up
from lumina.scenes.reading import SUFFIXES, read_mesh
from lumina.scenes.renderer import Renderer, fitting_distance

SIZE, RAYS, SAMPLES = 256, 4, 16
FIELD_OF_VIEW, ELEVATION, AZIMUTHS = 40.0, 20.0, (0, 90, 180, 270)

BLENDER_VIEWS = Path(__file__).with_name("blender_views.py")  # never imported: bpy is not ours

Reader = Callable[[], Mesh]


def find_objects(folder: Path, count: int) -> dict[str, Reader]:
    """Readers of objects by name, evenly spread over what the folder holds."""
    found: dict[str, Reader] = {}
    for catalogue in sorted(folder.glob("*.sh3f")):
        for piece in read_catalogue(catalogue):
            found[f"{catalogue.stem}: {piece.name} ({piece.model})"] = partial(
                _upright, partial(read_piece, piece), "y"
            )
    for file in sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES):
        found[file.relative_to(folder).as_posix()] = partial(_upright, partial(read_mesh, file), usual_up(file))
    names = list(found)[:: max(1, len(found) // count)][:count]
    return {name: found[name] for name in names}


def _upright(read: Reader, up: Up) -> Mesh:
    return upright(read(), up)[0]


def cameras(mesh: Mesh) -> list[Camera]:
    """From four sides, at a distance that fits."""
    distance = fitting_distance(mesh, FIELD_OF_VIEW)
    return [Camera.around(azimuth, ELEVATION, distance, FIELD_OF_VIEW, (SIZE, SIZE)) for azimuth in AZIMUTHS]


def render(mesh: Mesh) -> tuple[dict[str, float], npt.NDArray[np.bool_]]:
    """Seconds to build the scene and for a view (median); outlines ``[N, SIZE, SIZE]`` by as many rays as Cycles."""
    began = time.process_time()
    renderer = Renderer(mesh)
    built, seconds, outlines = time.process_time() - began, [], []
    for camera in cameras(mesh):
        began = time.process_time()
        renderer.render(camera, RAYS)
        seconds.append(time.process_time() - began)
        outlines.append(renderer.render(camera, SAMPLES).rgba[..., 3] > 0.5)
    return {"scene": built, "view": float(np.median(seconds))}, np.stack(outlines)


def write_for_blender(mesh: Mesh, file: Path) -> None:
    """What ``blender_views.py`` reads."""
    textures: dict[str, Any] = {f"texture{number}": material.texture for number, material in enumerate(mesh.materials)}
    np.savez(
        file,
        vertices=mesh.vertices,
        faces=mesh.faces,
        uv=mesh.uv,
        material=mesh.material,
        colours=np.array([material.colour for material in mesh.materials]),
        cameras=np.stack([camera.camera_to_world for camera in cameras(mesh)]),
        angle=np.array(math.radians(FIELD_OF_VIEW)),
        **{name: texture for name, texture in textures.items() if texture is not None},
    )


def run_blender(python: str, folder: Path) -> None:
    """Renders what lies in a folder."""
    command = [python, str(BLENDER_VIEWS), str(folder), str(SIZE), str(SAMPLES)]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(command, check=True, env=clean, stdout=subprocess.DEVNULL)


def with_blender(rows: Sequence[dict[str, Any]], outlines: Sequence[npt.NDArray[np.bool_]], folder: Path) -> None:
    """Adds Cycles' seconds and the mean overlap of the outlines (intersection over union) to the rows."""
    for number, (row, ours) in enumerate(zip(rows, outlines, strict=True)):
        theirs = np.load(folder / f"{number}.alpha.npy") > 0.5
        overlap = (ours & theirs).sum((1, 2)) / (ours | theirs).sum((1, 2))
        row["cycles"] = float(np.median(np.load(folder / f"{number}.seconds.npy")))
        row["iou"] = float(overlap.mean())


def measure(objects: dict[str, Reader], blender: str | None) -> list[dict[str, Any]]:
    """One row an object."""
    rows, outlines = [], []
    with TemporaryDirectory() as folder:
        for number, (name, read) in enumerate(objects.items()):
            mesh = read()
            seconds, seen = render(mesh)
            opaque = all(material.alpha == "opaque" for material in mesh.materials)
            rows.append({"name": name, "faces": len(mesh.faces), "opaque": opaque, **seconds})
            outlines.append(seen)
            if blender:
                write_for_blender(mesh, Path(folder) / f"{number}.npz")
        if blender:
            run_blender(blender, Path(folder))
            with_blender(rows, outlines, Path(folder))
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Medians and extremes over the objects."""
    views = [row["view"] for row in rows]
    told = {"median_view": float(np.median(views)), "longest_view": max(views), "shortest_view": min(views)}
    told["median_scene"] = float(np.median([row["scene"] for row in rows]))
    if "cycles" in rows[0]:
        opaque = [row["iou"] for row in rows if row["opaque"]]
        told["median_cycles"] = float(np.median([row["cycles"] for row in rows]))
        told["median_speed_up"] = float(np.median([row["cycles"] / row["view"] for row in rows]))
        told["least_speed_up"] = min(row["cycles"] / row["view"] for row in rows)
        told |= {"median_iou_of_opaque": float(np.median(opaque)), "least_iou_of_opaque": min(opaque)} if opaque else {}
    return told


def main() -> None:
    """Parses the command line, measures, prints the summary and writes the JSON document."""
    parser = argparse.ArgumentParser("python -m benchmarks.rendering", description="Seconds a view.")
    parser.add_argument("folder", type=Path, help="of catalogues *.sh3f or of meshes")
    parser.add_argument("--count", type=int, default=30, help="objects, evenly spread over the folder (default: 30)")
    parser.add_argument("--blender", metavar="PYTHON", help="that has the package bpy; without it ours alone is timed")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/rendering_cpu.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    document: dict[str, Any] = {"machine": machine(torch.device("cpu")), "size": SIZE, "rays": RAYS, "samples": SAMPLES}
    document["rows"] = measure(find_objects(arguments.folder, arguments.count), arguments.blender)
    document["summary"] = summary(document["rows"])
    print("| what | value |\n|---|---|")
    for name, value in document["summary"].items():
        print(f"| {name.replace('_', ' ')} | {value:.4f} |")
    save(document, arguments.output)


if __name__ == "__main__":
    main()
