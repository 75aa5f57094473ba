"""A picture that samples start from, or a box of which they fill."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from lumina.config.numbers import integers
from lumina.errors import CorruptSample
from lumina.pictures.reading import load_image, to_tensor

Box = tuple[int, int, int, int]
"""Top, left, bottom, right in pixels of the file."""

ROUNDING = 1e-6  # of a cell: what a box may lie beside a cell's edge without touching the next one


def parse_size(size: Sequence[int] | str) -> tuple[int, int]:
    """``HEIGHTxWIDTH`` or ``[HEIGHT, WIDTH]`` in pixels.

    Raises:
        ValueError: for anything else, and for more pixels than a picture file may have when it is read.
    """
    height, width = integers(size, 2, "size", "HEIGHTxWIDTH in pixels, 1024x4096 say")
    if height * width > (Image.MAX_IMAGE_PIXELS or float("inf")):
        raise ValueError(f"size {height}x{width} has more than {Image.MAX_IMAGE_PIXELS} pixels; ask for fewer.")
    return height, width


def parse_box(box: Sequence[int] | str) -> Box:
    """``TOP,LEFT,BOTTOM,RIGHT`` or a list of them.

    Raises:
        ValueError: for anything else.
    """
    top, left, bottom, right = integers(box, 4, "box", "TOP,LEFT,BOTTOM,RIGHT in pixels")
    return top, left, bottom, right


def parse_picture(path: Path) -> Path:
    """The file.

    Raises:
        ValueError: it is no picture that can be read.
    """
    _read(path)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPicture:
    """A picture file at the size of samples; what does not fit their proportions is cut off evenly.

    Attributes:
        image: ``[1, C, H, W]`` in [-1, 1].
        sides: height and width of the file.
        crop: the part of the file that is seen: top, left, bottom, right in pixels.
    """

    image: Tensor
    sides: tuple[int, int]
    crop: tuple[float, float, float, float]

    @classmethod
    def of(cls, path: Path, size: tuple[int, int], channels: int) -> FittedPicture:
        """A file at a size of height and width, with 1 or 3 channels."""
        file, (height, width) = _read(path), size
        scale = min(file.height / height, file.width / width)
        top, left = (file.height - height * scale) / 2, (file.width - width * scale) / 2
        crop = (top, left, top + height * scale, left + width * scale)
        fitted = file.resize((width, height), Image.Resampling.BICUBIC, (left, top, crop[3], crop[2]))
        image = to_tensor(fitted if channels == 3 else fitted.convert("L").convert("RGB"))[None, :channels]
        return cls(image=image, sides=(file.height, file.width), crop=crop)

    def outside(self, box: Box, latent: Tensor) -> Tensor:
        """1 where a cell of ``latent [B, C, h, w]`` lies wholly outside the box, else 0; of its shape.

        Raises:
            ValueError: for a box without area, outside the file, or in what is cut off.
        """
        top, left, bottom, right = box
        height, width = self.sides
        if not (top < bottom <= height and left < right <= width):
            raise ValueError(
                f"box={top},{left},{bottom},{right} must be TOP,LEFT,BOTTOM,RIGHT inside the picture of {height}x"
                f"{width} pixels (height x width)."
            )
        inside = []
        for axis, cells in enumerate(latent.shape[-2:]):
            first, scale = self.crop[axis], cells / (self.crop[axis + 2] - self.crop[axis])
            low, high = ((corner - first) * scale for corner in box[axis::2])
            inside.append(slice(max(0, math.floor(low + ROUNDING)), max(0, math.ceil(high - ROUNDING))))
        outside = torch.ones_like(latent)
        outside[:, :, inside[0], inside[1]] = 0
        if bool(outside.all()):
            raise ValueError(
                "the box lies in a part of the picture that is cut off to fit the size; give another --size."
            )
        return outside

    def restore(self, samples: Sequence[Tensor], box: Box) -> list[Tensor]:
        """Pictures ``[C, H, W]`` with the file's own pixels outside the box, free of a VAE's losses."""
        outside = self.outside(box, self.image)[0] > 0
        return [torch.where(outside.to(sample.device), self.image[0].to(sample), sample) for sample in samples]


def _read(path: Path) -> Image.Image:
    try:
        return load_image(path)
    except CorruptSample as error:
        raise ValueError(f"--image cannot be read: {error}") from error
