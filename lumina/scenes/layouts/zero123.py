"""Zero123's layout: ``000.png`` beside ``000.npy``, the camera's 3x4 world-to-camera matrix in Blender's axes, z up.

Its files say nothing of the lens. The published renders have 35 mm on 32 mm, and their readers rely on it. Any other
lens stands in ``intrinsics.npy`` beside, as OpenLRM writes it: rows fx fy, cx cy, and width height, in pixels.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np

from lumina.files.numpy_file import load_array
from lumina.pictures.reading import picture_size
from lumina.scenes.cameras import Camera, Floats, Lens
from lumina.scenes.layouts.layout import Layout, inverted, numbers, one_lens, save_png
from lumina.scenes.views import View, ViewSet

LENS = "intrinsics.npy"
FIELD_OF_VIEW = math.degrees(2 * math.atan(16 / 35))
MOST = 4096  # bytes of a file with a matrix
UNPAIRED = "poses without a picture are left out"
UNPOSED = "pictures without a pose are left out"


def read(folder: Path) -> ViewSet:
    """The views of which there are a pose and a picture."""
    poses = sorted(file for file in folder.glob("*.npy") if file.name != LENS)
    pairs = [(file, picture) for file in poses if (picture := file.with_suffix(".png")).is_file()]
    posed = {file.stem for file in poses}
    unposed = sum(file.stem.isdecimal() and file.stem not in posed for file in folder.glob("*.png"))
    lens = _lens(folder / LENS) if (folder / LENS).is_file() else None
    views = tuple(View(file=picture, camera=_camera(pose, picture, lens)) for pose, picture in pairs)
    remarks = {UNPAIRED: len(poses) - len(pairs), UNPOSED: unposed}
    return ViewSet(name=folder.name, caption="", views=views, remarks=remarks)


def _lens(file: Path) -> Lens:
    (fx, fy), (cx, cy), (width, height) = _array(file, (3, 2)).tolist()
    if not min(width, height) >= 1:
        raise ValueError(f"{file.name} says that pictures have {width:g} by {height:g} pixels")
    return (fx, fy), (cx, cy), (int(height), int(width))


def _camera(pose: Path, picture: Path, lens: Lens | None) -> Camera:
    matrix = np.eye(4)
    matrix[:3] = _array(pose, (3, 4))
    width, height = picture_size(picture)
    camera = Camera.of_lens(inverted(matrix, pose.name), lens or _standard((height, width)))
    return camera if camera.size == (height, width) else camera.resized((height, width))


def _array(file: Path, shape: tuple[int, int]) -> Floats:
    if file.stat().st_size > MOST:
        raise ValueError(f"{file.name} is longer than {MOST} bytes, which no camera needs")
    try:
        values = load_array(file)
    except ValueError as error:
        raise ValueError(f"{file.name} is no file of NumPy's ({error})") from error
    return numbers(values, shape, file.name)


def _standard(size: tuple[int, int]) -> Lens:
    return Camera.around(0, 0, 1, FIELD_OF_VIEW, size).lens


def write(views: ViewSet, folder: Path) -> None:
    """Writes pairs of a picture and a pose; groups, roles and captions have no place there.

    Raises:
        ValueError: the cameras differ in more than their poses.
    """
    lens = one_lens(views, "Zero123's layout")
    folder.mkdir(parents=True, exist_ok=True)
    for number, view in enumerate(views.views):
        save_png(view.file, folder / f"{number:03d}.png")
        np.save(folder / f"{number:03d}.npy", inverted(view.camera.camera_to_world, view.file.name)[:3])
    if lens != _standard(lens[2]):
        focal, centre, (height, width) = lens
        np.save(folder / LENS, np.array([focal, centre, (width, height)], np.float64))
        warnings.warn(
            f"readers of Zero123's layout take the field of view to be {FIELD_OF_VIEW:.2f} degrees; these views have "
            f"{views.views[0].camera.field_of_view:.2f}, as {LENS} beside them says.",
            stacklevel=2,
        )


def is_at(folder: Path) -> bool:
    """Whether a pose lies beside a picture; the first views may be missing."""
    return any((folder / f"{n:03d}.npy").is_file() and (folder / f"{n:03d}.png").is_file() for n in range(4))


ZERO123 = Layout(name="zero123", is_at=is_at, read=read, write=write)
