"""Pictures and the ``transforms.json`` of nerfstudio and instant-ngp, which other programs read as it is.

Beside nerfstudio's keys (fl_x, fl_y, cx, cy, w, h, camera_angle_x; file_path and transform_matrix of each frame, OpenGL
camera-to-world, z up) stand the object's name and caption, whatever else is known of it (scale, offset, up), and each
frame's azimuth and elevation in degrees, group and role.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lumina.files.atomic import replacing
from lumina.files.json_file import load_object
from lumina.pictures.reading import picture_size
from lumina.scenes.cameras import Camera, Floats, apart
from lumina.scenes.layouts.layout import Layout, below, copied, file_names, number, numbers
from lumina.scenes.views import View, ViewSet

FILE = "transforms.json"
INTRINSICS = ("camera_model", "camera_angle_x", "camera_angle_y", "fl_x", "fl_y", "cx", "cy", "w", "h")
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
ROLES = ("view", "reference")

CLAIM = "the azimuth or elevation in the file differs from the matrix by more than a degree; the matrix counts"
DISTORTED = "the lens distortion in the file is ignored"


def read(folder: Path) -> ViewSet:
    """The views of a ``transforms.json``."""
    content = load_object(folder / FILE)
    frames = frames_of(content)
    views = tuple(view_of(folder, content, frame) for frame in frames)
    caption, name = content.get("caption", ""), content.get("name", folder.name)
    if not isinstance(caption, str) or not isinstance(name, str):
        raise ValueError("its name or its caption is no text")
    known = {"name", "caption", "frames", *INTRINSICS}
    claims = sum(_differs(frame, view.camera) for frame, view in zip(frames, views, strict=True))
    distorted = sum(any(number({**content, **frame}, key) for key in DISTORTION) for frame in frames)
    return ViewSet(
        name=name,
        caption=caption,
        views=views,
        about={key: value for key, value in content.items() if key not in known},
        remarks={CLAIM: claims, DISTORTED: distorted},
    )


def frames_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The frames of a file.

    Raises:
        ValueError: they are no list of objects.
    """
    frames = content["frames"]
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise ValueError("its frames are no list of named values")
    return frames


def view_of(folder: Path, content: Mapping[str, Any], frame: Mapping[str, Any]) -> View:
    """One frame; what it does not say of the camera, the file says for all."""
    file = below(folder, frame["file_path"])
    file = file if file.suffix else file.with_name(f"{file.name}.png")
    group, role = frame.get("group", 0), frame.get("role", "view")
    if not isinstance(group, int) or role not in ROLES:
        raise ValueError(f"group {group!r:.80} or role {role!r:.80} of {file.name} is none; roles are view, reference")
    depth, normals = frame.get("depth_file_path"), frame.get("normal_file_path")
    return View(
        file=file,
        camera=camera_of({**content, **frame}, file, matrix_of(frame["transform_matrix"], file.name)),
        group=group,
        role=role,
        depth=None if depth is None else below(folder, depth),
        normals=None if normals is None else below(folder, normals),
    )


def matrix_of(values: Any, name: str) -> Floats:
    """``[4, 4]`` of a file, which may lack the last row."""
    if isinstance(values, list) and len(values) == 3:
        values = [*values, [0, 0, 0, 1]]
    return numbers(values, (4, 4), f"the matrix of {name}")


def camera_of(values: Mapping[str, Any], file: Path, matrix: Floats) -> Camera:
    """The camera that a file's numbers describe; the size that they lack is the picture's."""
    width, height = number(values, "w"), number(values, "h")
    if width is None or height is None:
        width, height = picture_size(file)
    focal = number(values, "fl_x")
    if focal is None:
        angle = number(values, "camera_angle_x")
        if angle is None or not 0 < angle < math.pi:
            raise KeyError("fl_x or camera_angle_x")
        focal = width / 2 / math.tan(angle / 2)
    across, along, down = number(values, "fl_y"), number(values, "cx"), number(values, "cy")
    return Camera(
        camera_to_world=matrix,
        focal=(focal, focal if across is None else across),
        centre=(width / 2 if along is None else along, height / 2 if down is None else down),
        size=(int(height), int(width)),
    )


def _differs(frame: Mapping[str, Any], camera: Camera) -> bool:
    azimuth, elevation = number(frame, "azimuth"), number(frame, "elevation")
    wrong = azimuth is not None and apart(azimuth, camera.azimuth) > 1
    return wrong or (elevation is not None and apart(elevation, camera.elevation) > 1)


def write(views: ViewSet, folder: Path) -> None:
    """Writes ``transforms.json``; pictures that lie elsewhere are copied into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [copied(view.file, folder, name) for view, name in zip(views.views, file_names(views), strict=True)]
    cameras = [intrinsics_of(view.camera) for view in views.views]
    shared = cameras[0] if len({view.camera.lens for view in views.views}) == 1 else {}
    frames = [
        ({} if shared else own) | frame_of(view, name, folder)
        for view, name, own in zip(views.views, names, cameras, strict=True)
    ]
    content = {**views.about, "name": views.name, "caption": views.caption, **shared, "frames": frames}
    with replacing(folder / FILE) as partial:
        partial.write_text("".join(_lines(content)), encoding="utf-8")


def intrinsics_of(camera: Camera) -> dict[str, Any]:
    """What is inside of a camera, by the keys of nerfstudio."""
    height, width = camera.size
    return {
        "camera_model": "PINHOLE",
        "camera_angle_x": math.radians(camera.field_of_view),
        "fl_x": camera.focal[0],
        "fl_y": camera.focal[1],
        "cx": camera.centre[0],
        "cy": camera.centre[1],
        "w": width,
        "h": height,
    }


def frame_of(view: View, name: str, folder: Path) -> dict[str, Any]:
    """One frame of the file."""
    more = {"depth": view.depth, "normal": view.normals}
    stem = Path(name).stem
    return {
        "file_path": name,
        "transform_matrix": view.camera.camera_to_world.tolist(),
        "azimuth": view.camera.azimuth,
        "elevation": view.camera.elevation,
        "group": view.group,
        "role": view.role,
    } | {
        f"{kind}_file_path": copied(file, folder, f"{stem}_{kind}{file.suffix}")
        for kind, file in more.items()
        if file is not None
    }


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    """The file, one line for each key and each frame, so that people can read it."""
    yield "{\n"
    for key, value in content.items():
        if key != "frames":
            yield f"{json.dumps(key)}: {json.dumps(value, allow_nan=False, ensure_ascii=False)},\n"
    yield '"frames": [\n' + ",\n".join(json.dumps(frame, allow_nan=False) for frame in content["frames"]) + "\n]\n}\n"


OURS = Layout(name="ours", is_at=lambda folder: (folder / FILE).is_file(), read=read, write=write)
