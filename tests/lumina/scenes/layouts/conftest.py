import numpy as np
import pytest
from PIL import Image

from lumina.scenes.cameras import Camera
from lumina.scenes.views import View, ViewSet

POSES = [(33.3, 20, "view"), (275, 20, "view"), (33.3, -8, "reference")]


@pytest.fixture
def made():
    """Makes a folder with the pictures of one object; its transforms.json is not written."""

    def make(folder, size=(24, 32), field_of_view=40, **options):
        folder.mkdir(parents=True)
        views = []
        for number, (azimuth, elevation, role) in enumerate(POSES):
            file = folder / f"{number:03d}.png"
            Image.new("RGBA", size[::-1], (number, 0, 0, 255)).save(file)
            camera = Camera.around(azimuth, elevation, 2.1, field_of_view, size)
            views.append(View(file=file, camera=camera, group=1, role=role))
        about = {"scale": 0.1, "up": "y"}
        return ViewSet(**{"name": "käse", "caption": 'a "chair"', "views": tuple(views), "about": about} | options)

    return make


CORNERS = np.array([[x, y, z] for x in (-0.3, 0.3) for y in (-0.3, 0.3) for z in (-0.3, 0.3)])


@pytest.fixture
def corners():
    """Of a cube, ``[8, 3]``."""
    return CORNERS


@pytest.fixture
def pixels():
    """The pixels of the corners by trigonometry alone: the world is turned until the camera stands on its x axis."""

    def of(number, size=(24, 32), field_of_view=40.0, distance=2.1):
        azimuth, elevation = np.radians(POSES[number][:2])
        x = CORNERS[:, 0] * np.cos(azimuth) + CORNERS[:, 1] * np.sin(azimuth)
        right = CORNERS[:, 1] * np.cos(azimuth) - CORNERS[:, 0] * np.sin(azimuth)
        near = x * np.cos(elevation) + CORNERS[:, 2] * np.sin(elevation)
        up = CORNERS[:, 2] * np.cos(elevation) - x * np.sin(elevation)
        focal = size[1] / 2 / np.tan(np.radians(field_of_view) / 2)
        return np.stack(
            (size[1] / 2 + focal * right / (distance - near), size[0] / 2 - focal * up / (distance - near)), axis=1
        )

    return of
