"""Pictures of an object that users bring, made to look as references in training: the whole object amid one colour."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lumina.errors import CorruptSample
from lumina.pictures.background import Colour, composite
from lumina.pictures.reading import load_rgba

FILL = 0.84
"""Longer side of the object in a picture that is framed anew, of the shorter side: the median of `lumina render`."""

FRAMED = (0.4, 1.0)
"""Range of this share where a picture is left as it is: renders of furniture have 0.45 to 0.94."""

OFF_CENTRE = 0.16
"""How far the object's middle may lie from that of a picture that is left as it is, of its shorter side: as renders."""

OPAQUE = 250  # of 255: least alpha of a picture without transparency; some encoders turn 255 into a little less
FAINT = 12  # of 255: alpha up to which nothing is seen; tools that remove backgrounds leave such traces
LEAST = 8  # pixels along an object of which anything can be told

Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""


def check_reference(path: Path) -> None:
    """Refuses what shows no object, and says what is expected of a picture without alpha.

    Raises:
        ValueError: the file cannot be read, is transparent everywhere, or shows an object of a few pixels.
    """
    picture = _read(path)
    left, top, right, bottom = _object(picture, path)
    if max(right - left, bottom - top) < LEAST:
        raise ValueError(
            f"--reference {path} shows an object of {right - left}x{bottom - top} pixels; give at least {LEAST} along "
            "its longer side."
        )
    if _is_opaque(picture):
        warnings.warn(
            f"--reference {path} has no transparent background and is taken as it is: the model expects one whole "
            "object in the middle, before the plain background of its training; a picture with alpha is made to look "
            "so.",
            stacklevel=2,
        )


def read_reference(path: Path, size: tuple[int, int], background: Colour = (1.0, 1.0, 1.0)) -> Tensor:
    """A picture at the size of a model's references; proportions are kept, and the rest is background.

    Where alpha says where the object is, the background is replaced, and an object that lies aside or fills too little
    or too much is centred and scaled.

    Args:
        path: of a file that `check_reference` passed.
        size: height and width.
        background: of the model's references.

    Returns:
        ``[3, H, W]`` in [-1, 1].

    Raises:
        ValueError: as `check_reference`.
    """
    picture = _read(path)
    box, whole = _object(picture, path), (0, 0, *picture.size)
    framed = _placed(picture, whole, size, 1.0) if _is_framed(box, picture) else _placed(picture, box, size, FILL)
    rgba = torch.from_numpy(np.array(framed)).permute(2, 0, 1).float() / 255
    colour, alpha = rgba[:3], rgba[3:]
    return composite(torch.cat((colour * alpha, alpha)), background)


def _read(path: Path) -> Image.Image:
    try:
        return load_rgba(path)
    except CorruptSample as error:
        raise ValueError(f"--reference cannot be read: {error}") from error


def _is_opaque(picture: Image.Image) -> bool:
    return int(np.array(picture.getchannel("A")).min()) >= OPAQUE


def _object(picture: Image.Image, path: Path) -> Box:
    """Where alpha says that something is; the whole picture if it is opaque.

    Raises:
        ValueError: nothing is anywhere.
    """
    box = picture.getchannel("A").point(lambda alpha: 255 if alpha > FAINT else 0).getbbox()
    if box is None:
        raise ValueError(f"--reference {path} is transparent everywhere: nothing is left of the object.")
    return box


def _is_framed(box: Box, picture: Image.Image) -> bool:
    """Whether the object lies as in training: no alpha says so of an opaque picture."""
    if _is_opaque(picture):
        return True
    left, top, right, bottom = box
    shorter = min(picture.size)
    middle = ((left + right - picture.width) / 2, (top + bottom - picture.height) / 2)
    share = max(right - left, bottom - top) / shorter
    return FRAMED[0] <= share <= FRAMED[1] and max(map(abs, middle)) <= OFF_CENTRE * shorter


def _placed(picture: Image.Image, box: Box, size: tuple[int, int], share: float) -> Image.Image:
    """A part of a picture in the middle of a transparent one, filling a share of it along one side."""
    height, width = size
    left, top, right, bottom = box
    scale = share * min(height / (bottom - top), width / (right - left))
    rows, columns = (max(1, round(side * scale)) for side in (bottom - top, right - left))
    part = picture.resize((columns, rows), Image.Resampling.BICUBIC, box)
    canvas = Image.new("RGBA", (width, height))
    canvas.paste(part, ((width - columns) // 2, (height - rows) // 2))
    return canvas
