"""Pictures and the ``transforms.json`` of nerfstudio and instant-ngp, which other programs read as it is.

Beside nerfstudio's keys (fl_x, fl_y, cx, cy, w, h, camera_angle_x; file_path and transform_matrix of each frame, OpenGL
camera-to-world, z up) stand the object's name and caption, whatever else is known of it, and each frame's azimuth and
elevation in degrees, group and role. How a mesh was placed is under ``mesh``: instant-ngp reads ``up``, ``scale`` and
``offset`` at the top as its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lumina.data.sources.captions import caption_pool
from lumina.files.atomic import replacing
from lumina.files.json_file import ODD, load_object
from lumina.pictures.reading import picture_size
from lumina.scenes.cameras import Camera, Floats, Lens, apart, azimuth_elevation
from lumina.scenes.layouts.layout import Layout, below, copied, file_names, number, numbers
from lumina.scenes.views import View, ViewSet

FILE = "transforms.json"
INTRINSICS = ("camera_model", "camera_angle_x", "camera_angle_y", "fl_x", "fl_y", "cx", "cy", "w", "h")
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
KNOWN = {"name", "caption", "frames", *INTRINSICS}
FILES = ("_path", "_filenames")  # keys that name further files, which stay behind
ROLES = ("view", "reference")

CLAIM = "the azimuth or elevation in the file differs from the matrix by more than a degree; the matrix counts"
DISTORTED = "the lens distortion in the file is ignored"
STRETCHED = "the object is stretched (--stretch), so its shape differs between groups"


def read(folder: Path) -> ViewSet:
    """The views of a ``transforms.json``."""
    content = load_object(folder / FILE)
    frames = frames_of(content)
    views = views_of(folder, content, frames)
    caption, name = content.get("caption", ""), content.get("name", folder.name)
    if not isinstance(caption, str) or not isinstance(name, str):
        raise ValueError("its name or its caption is no text")
    caption_pool({"caption": caption})  # refuses what is no Unicode
    stretches, groups = content.get("stretches"), 1 + max((view.group for view in views), default=-1)
    if stretches is not None:
        numbers(stretches[:groups] if isinstance(stretches, list) else stretches, (groups, 3), "stretches")
    claims = sum(_differs(frame, view.camera) for frame, view in zip(frames, views, strict=True))
    distorted = sum(any(number(frame, key) or number(content, key) for key in DISTORTION) for frame in frames)
    return ViewSet(
        name=name,
        caption=caption,
        views=views,
        about={key: value for key, value in content.items() if key not in KNOWN and not key.endswith(FILES)},
        remarks={
            CLAIM: claims,
            DISTORTED: distorted,
            STRETCHED: sum(stretches[view.group] != [1, 1, 1] for view in views) if stretches else 0,
        },
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


def views_of(folder: Path, content: Mapping[str, Any], frames: Sequence[Mapping[str, Any]]) -> tuple[View, ...]:
    """The views of frames; what they do not say of their cameras, the file says for all."""
    files = [_picture(folder, frame["file_path"]) for frame in frames]
    matrices = _matrices([frame["transform_matrix"] for frame in frames], files)
    alike = {"w", "h"} <= content.keys() and not any(frame.keys() & set(INTRINSICS) for frame in frames)
    lens = lens_of(content, folder) if alike else None
    cameras = [
        Camera.of_lens(matrix, lens or lens_of({**content, **frame}, file))
        for matrix, frame, file in zip(matrices, frames, files, strict=True)
    ]
    return tuple(_view(folder, *each) for each in zip(frames, files, cameras, strict=True))


def _picture(folder: Path, name: Any) -> Path:
    file = below(folder, name)
    return file if file.suffix else file.with_name(f"{file.name}.png")


def _matrices(values: Sequence[Any], files: Sequence[Path]) -> Floats:
    """``[N, 4, 4]`` of the frames, which may lack the last row."""
    whole = [[*rows, [0, 0, 0, 1]] if isinstance(rows, list) and len(rows) == 3 else rows for rows in values]
    if not whole:
        return np.empty((0, 4, 4))
    try:
        return numbers(whole, (len(whole), 4, 4), "")
    except ValueError:  # one by one, to name the wrong one
        parts = zip(whole, files, strict=True)
        return np.stack([numbers(rows, (4, 4), f"the matrix of {file.name}") for rows, file in parts])


def _view(folder: Path, frame: Mapping[str, Any], file: Path, camera: Camera) -> View:
    group, role = frame.get("group", 0), frame.get("role", "view")
    if not isinstance(group, int) or role not in ROLES:
        raise ValueError(f"group {group!r:.80} or role {role!r:.80} of {file.name} is none; roles are view, reference")
    depth, normals = frame.get("depth_file_path"), frame.get("normal_file_path")
    return View(
        file=file,
        camera=camera,
        group=group,
        role=role,
        depth=None if depth is None else below(folder, depth),
        normals=None if normals is None else below(folder, normals),
    )


def lens_of(values: Mapping[str, Any], file: Path) -> Lens:
    """What a file's numbers say of a lens; the size that they lack is the picture's."""
    width, height = number(values, "w"), number(values, "h")
    if width is None or height is None:
        width, height = picture_size(file)
    focal = number(values, "fl_x")
    if focal is None:
        angle = number(values, "camera_angle_x")
        if angle is None or not 0 < angle < math.pi:
            raise KeyError("fl_x or camera_angle_x")
        focal = width / 2 / math.tan(angle / 2)
    high, across, down = number(values, "fl_y"), number(values, "cx"), number(values, "cy")
    centre = (width / 2 if across is None else across, height / 2 if down is None else down)
    return (focal, focal if high is None else high), centre, (int(height), int(width))


def _differs(frame: Mapping[str, Any], camera: Camera) -> bool:
    azimuth, elevation = azimuth_elevation(camera.camera_to_world)
    claims = number(frame, "azimuth"), number(frame, "elevation")
    wrong = claims[0] is not None and apart(claims[0], azimuth) > 1
    return wrong or (claims[1] is not None and apart(claims[1], elevation) > 1)


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
        partial.write_text("".join(_lines(content)), "utf-8", ODD)


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
