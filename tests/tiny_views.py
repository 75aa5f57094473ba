"""Tiny view sets: transparent pictures of a ball with a dot on it, with their cameras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lumina.scenes.cameras import Camera
from lumina.scenes.layouts import write_views
from lumina.scenes.views import View, ViewSet

FIELD_OF_VIEW = 40.0


def picture(azimuth: float, size: int, red: int = 200) -> Image.Image:
    """A ball whose green tells the azimuth; what is transparent is black."""
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    inside = np.hypot(x, y) < size / 3
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[inside] = red, round(azimuth / 360 * 255), 100, 255
    return Image.fromarray(pixels)


def write_object(
    folder: Path,
    azimuths: Sequence[Sequence[float]] = ((10, 130, 250, 300),),
    size: int = 16,
    references: bool = True,
    caption: str = "",
    elevations: Sequence[float] = (),
    **about: object,
) -> Path:
    """An object with a group of views for each list of azimuths, and a reference at the first azimuth of each.

    Groups are at 20 degrees where there are no ``elevations`` of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    views: list[View] = []
    for group, around in enumerate(azimuths):
        places = [("view", azimuth, elevations[group] if elevations else 20.0) for azimuth in around]
        places += [("reference", around[0], -5.0)] if references else []
        for number, (role, azimuth, elevation) in enumerate(places):
            file = folder / f"{group}_{number}.png"
            picture(azimuth, size).save(file)
            camera = Camera.around(azimuth, elevation, 3.0, FIELD_OF_VIEW, (size, size))
            views.append(View(file=file, camera=camera, group=group, role=role))  # type: ignore[arg-type]
    write_views(ViewSet(name=folder.name, caption=caption, views=tuple(views), about=about), folder)
    return folder


def write_objects(root: Path, count: int, **options: object) -> Path:
    """A folder of objects ``object00``, ``object01``, ..."""
    for number in range(count):
        write_object(root / f"object{number:02}", **options)  # type: ignore[arg-type]
    return root
