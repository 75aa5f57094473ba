"""The materials of a mesh as tables that all hits look up at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from lumina.scenes.mesh import Material
from lumina.scenes.rays import Numbers, Singles

OPAQUE, MASK, BLEND = range(3)
MODES = {"opaque": OPAQUE, "mask": MASK, "blend": BLEND}

Texture = npt.NDArray[np.uint8]


class MaterialTable:
    """Looks up colours of many points on many materials at once.

    Textures lie one after another in one list of texels, each followed by its halves, quarters and so on down to one
    texel, for pictures in which its own texels are too fine to be seen one by one.

    Args:
        materials: of a mesh.
    """

    def __init__(self, materials: Sequence[Material]) -> None:
        self._factor = np.array([material.colour for material in materials], np.float32)
        self._mode = np.array([MODES[material.alpha] for material in materials])
        self._cutoff = np.array([material.cutoff for material in materials], np.float32)
        self._textured = np.array([material.texture is not None for material in materials])
        pyramids = [_pyramid(_texels(material)) for material in materials]
        levels = [level for pyramid in pyramids for level in pyramid]
        self._last = np.array([len(pyramid) - 1 for pyramid in pyramids])
        self._first = np.cumsum(self._last + 1) - self._last - 1
        self._size = np.array([level.shape[:2] for level in levels])
        self._start = np.cumsum([0, *(level.size // 4 for level in levels)])[:-1]
        self._texels = np.concatenate([level.reshape(-1, 4) for level in levels])

    @property
    def opaque(self) -> bool:
        """Whether nothing shines through any of them."""
        return bool((self._mode == OPAQUE).all())

    def texels(self, material: Numbers) -> Singles:
        """``[K, 2]`` texels along u and v of the textures of ``material [K]``."""
        return self._size[self._first[material]][:, ::-1].astype(np.float32)

    def colours(self, material: Numbers, uv: Singles, spacing: Singles) -> Singles:
        """Factor times texture, before alpha is interpreted.

        Args:
            material: ``[K]``.
            uv: ``[K, 2]``, v upwards.
            spacing: ``[K]`` texels between neighbouring points; from 2 on a coarser copy of the texture is taken.

        Returns:
            RGBA ``[K, 4]``.
        """
        colours = self._factor[material]
        textured = np.flatnonzero(self._textured[material])
        if len(textured):
            which = material[textured]
            level = np.frexp(np.maximum(spacing[textured], 1))[1] - 1
            level = self._first[which] + np.minimum(level, self._last[which])
            colours[textured] *= self._bilinear(level, uv[textured])
        return colours

    def alphas(self, material: Numbers, alpha: Singles) -> Singles:
        """What an interpolated ``alpha [K]`` means: 1 where opaque, 0 or 1 where masked."""
        mode = self._mode[material]
        meant = alpha.clip(0, 1)
        masked = mode == MASK
        meant[masked] = meant[masked] >= self._cutoff[material[masked]]
        meant[mode == OPAQUE] = 1
        return meant

    def _bilinear(self, level: Numbers, uv: Singles) -> Singles:
        """The four texels around a point by nearness and alpha: colours of clear texels do not bleed."""
        height, width = self._size[level].T
        across = (uv[:, 0] % 1) * width - 0.5
        down = (-uv[:, 1] % 1) * height - 0.5
        column, row = np.floor(across).astype(np.int64), np.floor(down).astype(np.int64)
        right, below = (across - column).astype(np.float32), (down - row).astype(np.float32)
        start = self._start[level]
        rows = [start + (row + step) % height * width for step in (0, 1)]
        columns = [(column + step) % width for step in (0, 1)]
        total = np.zeros((len(uv), 4), np.float32)
        for line, near in zip(rows, (1 - below, below), strict=True):
            for place, close in zip(columns, (1 - right, right), strict=True):
                texel = self._texels.take(line + place, 0).astype(np.float32)
                weight = (near * close) * texel[:, 3]
                texel[:, 3] = 1
                texel *= weight[:, None]
                total += texel
        total[:, :3] /= np.maximum(total[:, 3:], np.finfo(np.float32).tiny)
        return total / np.float32(255)


def _texels(material: Material) -> Texture:
    """``[H, W, 4]``; opaque where the material ignores alpha, and one texel where it has no texture."""
    if material.texture is None:
        return np.full((1, 1, 4), 255, np.uint8)
    if material.alpha != "opaque":
        return material.texture
    return np.concatenate((material.texture[..., :3], np.full_like(material.texture[..., 3:], 255)), 2)


def _pyramid(texture: Texture) -> list[Texture]:
    """A texture and its copies of half the side each time, in which clear texels lend no colour."""
    levels = [texture]
    image = Image.fromarray(texture, "RGBA").convert("RGBa")
    while max(image.size) > 1:
        image = image.reduce(2)
        levels.append(np.asarray(image.convert("RGBA")))
    return levels
