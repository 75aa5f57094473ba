"""COLMAP's text files: ``images/`` and ``sparse/0/cameras.txt``, ``images.txt`` and ``points3D.txt``, which is empty.

Poses are world-to-camera in OpenCV's axes, a unit quaternion (w first) and a translation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lumina.files.regular import read_bounded
from lumina.scenes.cameras import Camera, Floats, Lens
from lumina.scenes.layouts.layout import Layout, below, copied, file_names
from lumina.scenes.views import View, ViewSet

PLACES = ("sparse/0", "sparse", ".")
PICTURES = "images"
MODELS = {"PINHOLE": 6, "SIMPLE_PINHOLE": 5}
"""Cameras without distortion, and how many numbers describe them: width, height, focal lengths, centre."""


def read(folder: Path) -> ViewSet:
    """The views of a reconstruction; COLMAP's world has an origin and axes of its own unless poses were given."""
    place = next(folder / place for place in PLACES if (folder / place / "images.txt").is_file())
    lenses = dict(_lens(line) for line in _lines(place / "cameras.txt") if line.strip())
    lines = iter(_lines(place / "images.txt"))
    views = []
    for line in lines:
        if line.strip():
            next(lines, None)  # the points seen there
            views.append(_view(line, lenses, folder / PICTURES))
    return ViewSet(name=folder.name, caption="", views=tuple(views))


def _lines(file: Path) -> list[str]:
    return [line for line in read_bounded(file).decode().splitlines() if not line.startswith("#")]


def _lens(line: str) -> tuple[str, Lens]:
    number, model, *rest = [*line.split(), ""]
    values = _numbers(rest[:-1])
    if len(values) != MODELS.get(model) or not np.isfinite(values).all():
        raise ValueError(f"cameras.txt has the line {line!r:.60}, expected a {' or '.join(MODELS)}: undistort first")
    width, height, *focal, across, down = values
    return number, ((focal[0], focal[-1]), (across, down), (int(height), int(width)))


def _view(line: str, lenses: dict[str, Lens], pictures: Path) -> View:
    parts = line.split(maxsplit=9)
    pose = _numbers(parts[1:8])
    if len(parts) != 10 or len(pose) != 7 or parts[8] not in lenses:
        raise ValueError(f"images.txt has the line {line!r:.60}, expected IMAGE_ID, Q, T, a known CAMERA_ID, NAME")
    camera = Camera.of_opencv(_extrinsics(np.array(pose)), lenses[parts[8]])
    return View(file=below(pictures, parts[9].rstrip()), camera=camera)


def _numbers(texts: Sequence[str]) -> list[float]:
    """The numbers; none where one text is no number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return []


def _extrinsics(pose: Floats) -> Floats:
    """``[4, 4]`` of a quaternion, w first, and a translation ``[7]``."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(pose[[1, 2, 3, 0]]).as_matrix()
    matrix[:3, 3] = pose[4:]
    return matrix


def write(views: ViewSet, folder: Path) -> None:
    """Writes the text files; groups, roles and captions have no place there."""
    pictures, place = folder / PICTURES, folder / PLACES[0]
    for made in (pictures, place):
        made.mkdir(parents=True, exist_ok=True)
    lenses = list(dict.fromkeys(view.camera.lens for view in views.views))
    names = [copied(view.file, pictures, name) for view, name in zip(views.views, file_names(views), strict=True)]
    cameras = [f"{number} {_intrinsics(lens)}" for number, lens in enumerate(lenses, 1)]
    images = [
        f"{number} {_pose(view.camera.opencv)} {1 + lenses.index(view.camera.lens)} {name}\n"
        for number, (view, name) in enumerate(zip(views.views, names, strict=True), 1)
    ]
    _write(place / "cameras.txt", "CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]", cameras)
    _write(place / "images.txt", "IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME; then its points", images)
    _write(place / "points3D.txt", "POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[]", [])


def _write(file: Path, head: str, lines: list[str]) -> None:
    file.write_text("\n".join([f"# {head}", *lines, ""]), encoding="utf-8")


def _intrinsics(lens: Lens) -> str:
    focal, centre, (height, width) = lens
    return f"PINHOLE {width} {height} " + " ".join(repr(float(value)) for value in (*focal, *centre))


def _pose(extrinsics: Floats) -> str:
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(extrinsics[:3, :3]).as_quat().tolist()
    return " ".join(repr(value) for value in (w, x, y, z, *extrinsics[:3, 3].tolist()))


COLMAP = Layout(
    name="colmap",
    is_at=lambda folder: any((folder / place / "images.txt").is_file() for place in PLACES),
    read=read,
    write=write,
)
