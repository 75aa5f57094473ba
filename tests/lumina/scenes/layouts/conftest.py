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
