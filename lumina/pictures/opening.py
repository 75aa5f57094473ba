"""Picture files, by what is in them: an ending says nothing, and Pillow starts Ghostscript for EPS."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from PIL import Image

from lumina.files.regular import require_regular

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WEBP")


def open_picture(file: str | Path | BinaryIO) -> Image.Image:
    """As `PIL.Image.open`, of the ordinary formats.

    Raises:
        OSError: it is not there, damaged, or of another format.
        ValueError: it is no ordinary file.
    """
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    if isinstance(file, (str, Path)):
        require_regular(file)  # Pillow opens and closes it
    return Image.open(file, formats=formats)
