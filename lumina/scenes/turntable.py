"""Views one after the other, as an object on a turntable shows them: a GIF, and an MP4 where ffmpeg is."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from torch import Tensor

from lumina.pictures.sheet import as_rgb, to_uint8

TURN = 2.4  # seconds
LEAST, MOST = 0.04, 0.4  # seconds of a view
TURNS = 3  # of an MP4, which players show once


def turned(azimuths: Sequence[float]) -> list[int]:
    """The order in which views pass on a turntable, the first of them first."""
    return sorted(range(len(azimuths)), key=lambda view: (azimuths[view] - azimuths[0]) % 360)


def write_gif(views: Tensor, file: Path | BinaryIO) -> None:
    """Writes views ``[N, 1 or 3, H, W]`` in [-1, 1] as a GIF without an end."""
    first, *others = (frame.quantize(256, dither=Image.Dither.NONE) for frame in _frames(views))
    duration = round(1000 * _seconds(len(views)))
    first.save(file, "GIF", save_all=True, append_images=others, duration=duration, loop=0, disposal=1)


def write_mp4(views: Tensor, file: Path) -> Path | None:
    """Writes views ``[N, 1 or 3, H, W]`` in [-1, 1] as an MP4 of three turns.

    Returns:
        The file; None where there is no ffmpeg, or, with a warning, where it fails.
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return None
    frames = list(_frames(views))
    width, height = frames[0].size
    taken = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{1 / _seconds(len(frames)):.6g}"]
    even = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white", "-pix_fmt", "yuv420p"]
    call = [ffmpeg, "-v", "error", "-y", *taken, "-i", "-", *even, "-movflags", "+faststart", str(file.absolute())]
    done = subprocess.run(call, input=b"".join(frame.tobytes() for frame in frames) * TURNS, capture_output=True)
    if done.returncode:
        file.unlink(missing_ok=True)
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
        warnings.warn(f"{file.name} is not written: ffmpeg says {said[-1]!r}", stacklevel=2)
        return None
    return file


def wandb_turntables(samples: Sequence[Tensor], captions: Sequence[str] = ()) -> list[Any]:
    """A ``wandb.Video`` of each sample ``[N, 1 or 3, H, W]``: a GIF, for which wandb needs no other package.

    Args:
        samples: their views pass in the order they have.
        captions: a text about each; none = there is nothing to say.
    """
    import wandb

    files = [BytesIO() for _ in samples]
    for views, file in zip(samples, files, strict=True):
        write_gif(views, file)
        file.seek(0)
    texts: list[str | None] = [*captions] or [None] * len(files)
    return [wandb.Video(file, caption=text, format="gif") for file, text in zip(files, texts, strict=True)]


def _frames(views: Tensor) -> list[Image.Image]:
    pixels = to_uint8(as_rgb(views)).cpu().permute(0, 2, 3, 1).contiguous().numpy()
    return [Image.fromarray(frame) for frame in pixels]


def _seconds(count: int) -> float:
    """Of each view."""
    return min(MOST, max(LEAST, TURN / count))
