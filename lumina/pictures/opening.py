"""Opens picture files by content, in safe formats only: Pillow would start Ghostscript for EPS, whatever the suffix."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from lumina.files.regular import require_regular

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WEBP")


def open_picture(file: str | Path | BinaryIO) -> Image.Image:
    """`PIL.Image.open` restricted to `FORMATS`.

    Raises:
        OSError: the file is missing, damaged or of another format.
        ValueError: the path is not a regular file.
    """
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    if isinstance(file, (str, Path)):
        require_regular(file)  # Pillow opens and closes it
    try:
        return Image.open(file, formats=formats)
    except UnidentifiedImageError:  # Pillow's words hold an address, which no two runs share
        raise UnidentifiedImageError("cannot identify it as a picture of a known format") from None
