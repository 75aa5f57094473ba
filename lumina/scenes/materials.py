"""The materials of a mesh as tables that all hits look up at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lumina.scenes.mesh import Material
from lumina.scenes.rays import Numbers, Singles

OPAQUE, MASK, BLEND = range(3)
MODES = {"opaque": OPAQUE, "mask": MASK, "blend": BLEND}


class MaterialTable:
    """Looks up colours of many points on many materials at once.

    Textures lie one after another in one list of texels.

    Args:
        materials: of a mesh.
    """

    def __init__(self, materials: Sequence[Material]) -> None:
        self._factor = np.array([material.colour for material in materials], np.float32)
        self._mode = np.array([MODES[material.alpha] for material in materials])
        self._cutoff = np.array([material.cutoff for material in materials], np.float32)
        self._textured = np.array([material.texture is not None for material in materials])
        textures = [_texels(material) for material in materials]
        self._size = np.array([texture.shape[:2] for texture in textures])
        self._start = np.cumsum([0, *(len(texture.reshape(-1, 4)) for texture in textures)])[:-1]
        self._texels = np.concatenate([texture.reshape(-1, 4) for texture in textures])

    @property
    def opaque(self) -> bool:
        """Whether nothing shines through any of them."""
        return bool((self._mode == OPAQUE).all())

    def colours(self, material: Numbers, uv: Singles) -> Singles:
        """Factor times texture, before alpha is interpreted.

        Args:
            material: ``[K]``.
            uv: ``[K, 2]``, v upwards.

        Returns:
            RGBA ``[K, 4]``.
        """
        colours = self._factor[material]
        textured = np.flatnonzero(self._textured[material])
        if len(textured):
            colours[textured] *= self._bilinear(material[textured], uv[textured])
        return colours

    def alphas(self, material: Numbers, alpha: Singles) -> Singles:
        """What an interpolated ``alpha [K]`` means: 1 where opaque, 0 or 1 where masked."""
        mode = self._mode[material]
        meant = alpha.clip(0, 1)
        masked = mode == MASK
        meant[masked] = meant[masked] >= self._cutoff[material[masked]]
        meant[mode == OPAQUE] = 1
        return meant

    def _bilinear(self, material: Numbers, uv: Singles) -> Singles:
        """The four texels around a point by nearness and alpha: colours of clear texels do not bleed."""
        height, width = self._size[material].T
        across = (uv[:, 0] % 1) * width - 0.5
        down = (-uv[:, 1] % 1) * height - 0.5
        column, row = np.floor(across).astype(np.int64), np.floor(down).astype(np.int64)
        right, below = (across - column).astype(np.float32), (down - row).astype(np.float32)
        start = self._start[material]
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


def _texels(material: Material) -> np.ndarray:
    """``[H, W, 4]`` uint8; opaque where the material ignores alpha, and one texel where it has no texture."""
    if material.texture is None:
        return np.full((1, 1, 4), 255, np.uint8)
    if material.alpha != "opaque":
        return material.texture
    return np.concatenate((material.texture[..., :3], np.full_like(material.texture[..., 3:], 255)), 2)
