"""Textures of meshes: pictures of any mode as RGBA."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from lumina.errors import without_number
from lumina.pictures.opening import open_picture
from lumina.pictures.reading import BROKEN
from lumina.scenes.beside import Beside

LARGEST = 4096
"""Pixels of the longer side of a texture that is kept; larger ones are reduced."""

MOST_PIXELS = 1 << 28
"""Of all textures of a mesh, as they are kept: 1 GB."""

KTX2 = b"\xabKTX 20\xbb"

Texture = npt.NDArray[np.uint8]


def read_texture(data: bytes) -> Texture:
    """A picture as ``[H, W, 4]`` RGBA, row 0 at the top, no side longer than `LARGEST`.

    16-bit grey is reduced to 8 bits, palettes and CMYK become RGB.

    Raises:
        ValueError: the picture cannot be read.
    """
    if data.startswith(KTX2):
        raise ValueError("KTX2 pictures are not read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with open_picture(io.BytesIO(data)) as image:
                return _rgba(image)
    except BROKEN as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _rgba(image: Image.Image) -> Texture:
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers without a known range")
    if image.mode.startswith("I"):  # Pillow would clip 16-bit values at 255
        deep = np.asarray(image).astype(np.int64)
        image = Image.fromarray((deep >> 8).clip(0, 255).astype(np.uint8))
    image = (image if image.has_transparency_data else image.convert("RGB")).convert("RGBA")
    factor = -(-max(image.size) // LARGEST)
    return np.asarray(image.reduce(factor) if factor > 1 else image)


def with_alpha(texture: Texture | None, alpha: Texture) -> Texture:
    """A texture whose alpha is replaced by another's alpha or, where that is opaque, its brightness."""
    mask = alpha[..., 3] if (alpha[..., 3] < 255).any() else np.asarray(Image.fromarray(alpha).convert("L"))
    if texture is None:
        texture = np.full((*mask.shape, 4), 255, np.uint8)
    if mask.shape != texture.shape[:2]:
        size = texture.shape[1], texture.shape[0]
        mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR))
    return np.concatenate((texture[..., :3], mask[..., None]), -1)


def to_srgb(linear: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Linear light in [0, 1] as sRGB (IEC 61966-2-1)."""
    light = np.clip(linear, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


class Pictures:
    """The textures of one mesh, each read once; what cannot be read is told.

    Args:
        said: what stands for textures that cannot be read is added to it.
    """

    def __init__(self, said: list[str]) -> None:
        self.said = said
        self._read: dict[str, Texture | None] = {}
        self._pixels = 0

    def read(self, name: str, content: Callable[[], bytes]) -> Texture | None:
        """A texture; None where it cannot be read.

        Args:
            name: of the texture, by which it is known again.
            content: gives the picture file; may raise OSError or ValueError.
        """
        if name not in self._read:
            try:
                self._read[name] = self._counted(read_texture(content()))
            except (OSError, ValueError) as error:
                why = without_number(error)
                self.said.append(f"the texture {name} cannot be read ({why}): the material's colour stands for it")
                self._read[name] = None
        return self._read[name]

    def beside(self, named: str, files: Beside) -> Texture | None:
        """A texture in a file beside the mesh."""

        def content() -> bytes:
            found = files.find(named)
            if found is None:
                raise ValueError("it is missing")
            return files.read(found)

        return self.read(named, content)

    def _counted(self, texture: Texture) -> Texture:
        self._pixels += texture[..., 0].size
        if self._pixels > MOST_PIXELS:
            raise ValueError(f"all textures together have more than {MOST_PIXELS:,} pixels")
        return texture
