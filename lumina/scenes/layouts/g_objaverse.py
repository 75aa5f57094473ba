"""G-Objaverse's layout: ``00000/00000.png`` and ``00000/00000.json`` with the camera's place and axes, z up.

The axes are OpenCV's, y down and z forwards: x, -y, -z and the origin are the columns of OpenGL's camera-to-world.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from lumina.files.json_file import load_object
from lumina.scenes.cameras import Camera
from lumina.scenes.layouts.layout import Layout, numbers
from lumina.scenes.layouts.ours import lens_of
from lumina.scenes.views import View, ViewSet

FIELD_OF_VIEW = 2 * math.atan(512 / 1422.222)  # in radians, of every picture of the published set
BETWEEN = "campos_512_v4"  # the folder between an object's name and its views in the published set
COLUMNS = {"x": 1, "y": -1, "z": -1, "origin": 1}


def read(folder: Path) -> ViewSet:
    """The views of an object."""
    files = sorted(_place(folder).glob("[0-9]*/[0-9]*.json"))
    views = tuple(_view(file) for file in files if file.stem == file.parent.name)
    return ViewSet(name=_name(folder), caption="", views=views)


def _view(file: Path) -> View:
    content = load_object(file)
    matrix = np.eye(4)
    matrix[:3] = np.stack([s * numbers(content[k], (3,), f"{k} in {file.name}") for k, s in COLUMNS.items()], axis=1)
    picture = file.with_suffix(".png")
    lens = lens_of({"camera_angle_x": content.get("x_fov", FIELD_OF_VIEW)}, picture)
    return View(file=picture, camera=Camera.of_lens(matrix, lens))


def _name(folder: Path) -> str:
    """As the set's index has it: 0/10019 say."""
    of_object = folder.parent if folder.name == BETWEEN else folder
    return f"{of_object.parent.name}/{of_object.name}" if of_object.parent.name.isdecimal() else of_object.name


def _place(folder: Path) -> Path:
    """Where the views are."""
    return folder / BETWEEN if (folder / BETWEEN).is_dir() else folder


def is_at(folder: Path) -> bool:
    """Whether one of the first views is there."""
    return any((_place(folder) / f"{n:05d}" / f"{n:05d}.json").is_file() for n in range(4))


G_OBJAVERSE = Layout(name="g_objaverse", is_at=is_at, read=read)
