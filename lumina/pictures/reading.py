"""Reads picture files of any mode and orientation into tensors in [-1, 1]; resizing as in ADM, crops, random flips."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Generator, Tensor
from torch.utils.data import Dataset

from lumina.errors import CorruptSample
from lumina.pictures.opening import open_picture

SUFFIXES = (".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Suffixes of picture files, in lower case; of a file with several frames the first is read."""

FIELDS = ("image", "path", "image_url", "file_name", "jpg", "jpeg", "png", "webp", "img")
"""Usual names of the picture field in records, in order of preference."""

BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises for files that are truncated, damaged, of another format or implausibly large."""


def load_image(file: str | Path | BinaryIO, name: str | Path | None = None) -> Image.Image:
    """Reads a picture file as upright RGB.

    The EXIF orientation is applied, 16-bit grey is reduced to 8 bits, and transparency is blended with white.

    Args:
        file: its path, or the open file.
        name: name of the file in errors; None = its path.

    Raises:
        CorruptSample: the file cannot be read, or has more pixels than ``PIL.Image.MAX_IMAGE_PIXELS``.
    """
    with _opened(file, name, whole=True) as image:
        return _rgb(ImageOps.exif_transpose(image))


def load_rgba(file: str | Path | BinaryIO, name: str | Path | None = None) -> Image.Image:
    """Reads a picture file as `load_image` does, but with its alpha; opaque where it has none.

    Raises:
        CorruptSample: as `load_image`.
    """
    with _opened(file, name, whole=True) as image:
        upright = ImageOps.exif_transpose(image)
        return upright.convert("RGBA") if upright.has_transparency_data else _rgb(upright).convert("RGBA")


def has_alpha(file: str | Path | BinaryIO) -> bool:
    """Whether parts of the picture may be transparent; reads only the file's header.

    Raises:
        CorruptSample: the header cannot be read.
    """
    with _opened(file, None) as image:
        return image.has_transparency_data


def picture_size(file: str | Path | BinaryIO, name: str | Path | None = None) -> tuple[int, int]:
    """Width and height of the upright picture; reads only the file's header.

    Raises:
        CorruptSample: the header cannot be read.
    """
    with _opened(file, name) as image:
        exif = Image.Exif()
        exif.load(image.info.get("exif", b""))  # image.getexif() would decode a whole PNG
        rotated = exif.get(ExifTags.Base.Orientation, 1) >= 5
        return (image.height, image.width) if rotated else image.size


@contextmanager
def _opened(file: str | Path | BinaryIO, name: str | Path | None, whole: bool = False) -> Iterator[Image.Image]:
    """An open picture; ``whole`` = its pixels will be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if whole:
                _require_intact(file)
            with open_picture(file) as image:
                yield image
    except BROKEN as error:
        raise CorruptSample(str(name or file), error or type(error).__name__) from error


def _require_intact(file: str | Path | BinaryIO) -> None:
    """Compares the checksums of a PNG file, which Pillow ignores as it decodes: a wrong bit changes many pixels."""
    start = None if isinstance(file, (str, Path)) else file.tell()
    with open_picture(file) as image:
        if image.format == "PNG":
            image.verify()
    if start is not None:
        file.seek(start)  # type: ignore[union-attr]


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers without a known range; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        # Pillow would clip 16-bit values at 255
        deep = np.asarray(image).astype(np.int64)
        return Image.fromarray((deep >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def centre_crop(image: Image.Image, size: int) -> Image.Image:
    """The central square of a picture at ``size`` by ``size`` pixels, as ADM (guided-diffusion) prepares ImageNet.

    The picture is halved by box averaging while its short side is at least twice ``size``, then resized bicubically to
    a short side of ``size``, then cropped.
    """
    return cover_crop(image, (size, size))


def cover_crop(image: Image.Image, size: tuple[int, int], generator: Generator | None = None) -> Image.Image:
    """Resizes a picture until it just covers the crop, without changing its aspect ratio, then crops it.

    The picture is first reduced by `halve`, then resized bicubically. Only the pixels of the crop are resized.

    Args:
        image: RGB, of any size.
        size: height and width of the crop in pixels.
        generator: draws the position of the crop; None = the centre.
    """
    height, width = size
    image = halve(image, size)
    scale = max(width / image.width, height / image.height)
    covering = max(height, round(image.height * scale)), max(width, round(image.width * scale))
    room = [have - want for have, want in zip(covering, size, strict=True)]
    if generator is None:
        top, left = (pixels // 2 for pixels in room)
    else:
        top, left = (int(torch.randint(pixels + 1, (), generator=generator)) for pixels in room)
    down, right = image.height / covering[0], image.width / covering[1]
    box = (left * right, top * down, min(image.width, (left + width) * right), min(image.height, (top + height) * down))
    return image.resize((width, height), Image.Resampling.BICUBIC, box)


def halve(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Halves a picture by box averaging while both sides are at least twice ``size`` (height, width)."""
    while image.height >= 2 * size[0] and image.width >= 2 * size[1]:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    return image


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB picture as a tensor ``[3, H, W]`` float32 in [-1, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1


def random_flip(image: Tensor, generator: Generator) -> Tensor:
    """Flips ``[..., H, W]`` horizontally with probability 0.5."""
    return image.flip(-1) if torch.rand((), generator=generator) < 0.5 else image


class LabelledImages(Dataset[dict[str, Any]]):
    """Pictures in memory; an item has ``image`` ``[C, H, W]`` float32 in [-1, 1] and ``label`` ``[]`` int64.

    Args:
        images: ``[N, C, H, W]`` uint8.
        labels: ``[N]`` int64.
        white: the pixel value that maps to 1; 0 maps to -1.
    """

    def __init__(self, images: Tensor, labels: Tensor, white: int) -> None:
        self.images = images
        self.labels = labels
        self.white = white

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": self.images[index].float() / (self.white / 2) - 1, "label": self.labels[index]}
