"""The files of drawn views: pictures, what shows them together, and the cameras that a reconstruction starts from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from lumina.pictures.sheet import contact_sheet, save_picture, to_uint8
from lumina.scenes.layouts import ours, write_views
from lumina.scenes.ring import Ring
from lumina.scenes.turntable import turned, write_gif, write_mp4
from lumina.scenes.views import View, ViewSet

IN_A_ROW = 4  # views of a sheet, unless there are many
SHEET, GIF, MP4, CAMERAS = "sheet.png", "turntable.gif", "turntable.mp4", ours.FILE


def save_views(
    views: Tensor, azimuths: Sequence[float], folder: Path, ring: Ring, texts: Mapping[str, str] | None = None
) -> Path:
    """Writes the views of one object into a folder of their own.

    A PNG of each, named by number and azimuth; ``sheet.png`` of all; ``turntable.gif``, and ``turntable.mp4`` where
    ffmpeg is; ``transforms.json`` with the cameras, which says what of them is not known but assumed.

    Args:
        views: ``[N, 1 or 3, H, W]`` in [-1, 1].
        azimuths: N of them in degrees.
        folder: is made.
        ring: where the cameras stand.
        texts: named texts, for the pictures; ``name`` is the object's, or else it has that of the folder; ``caption``
            is what the object was said to be.

    Returns:
        The folder.
    """
    pictures = [
        save_picture(to_uint8(view), folder / f"{number:02d}_azimuth_{azimuth:.6g}.png", texts)
        for number, (view, azimuth) in enumerate(zip(views, azimuths, strict=True))
    ]
    columns = min(len(views), max(IN_A_ROW, math.isqrt(len(views) - 1) + 1))
    save_picture(contact_sheet([*views], columns, [f"{azimuth:.6g}°" for azimuth in azimuths]), folder / SHEET, texts)
    if len(views) > 1:
        passing = views[turned(azimuths)]
        write_gif(passing, folder / GIF)
        write_mp4(passing, folder / MP4)
    height, width = views.shape[-2:]
    cameras = ring.cameras(azimuths, (height, width))
    about = {"assumed": ring.assumed} if ring.assumed else {}
    drawn = tuple(View(file=file, camera=camera) for file, camera in zip(pictures, cameras, strict=True))
    name, caption = (texts or {}).get("name", folder.name), (texts or {}).get("caption", "")
    write_views(ViewSet(name=name, caption=caption, views=drawn, about=about), folder)
    return folder
