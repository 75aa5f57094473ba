"""Materials of a glTF file: base colour and its texture, alpha, and where the texture lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lumina.scenes.beside import Beside
from lumina.scenes.cameras import Floats
from lumina.scenes.gltf_data import Accessors, bytes_of
from lumina.scenes.mesh import Material
from lumina.scenes.textures import Pictures, Texture, to_srgb

SOURCES = ("EXT_texture_webp", "EXT_texture_avif")
"""Extensions that name another picture, which is read."""

GLOSSY = "KHR_materials_pbrSpecularGlossiness"


class Materials:
    """Materials by number, each read once.

    Args:
        head: the file's JSON.
        accessors: its numbers.
        beside: its other files.
        said: what stands for pictures that cannot be read is added to it.
    """

    def __init__(self, head: Mapping[str, Any], accessors: Accessors, beside: Beside, said: list[str]) -> None:
        self.head, self.accessors, self.beside, self.said = head, accessors, beside, said
        self._made: dict[int, Material] = {}
        self._pictures = Pictures(said)

    def __getitem__(self, number: int) -> Material:
        """One material; its colour is in sRGB, while the file's is linear."""
        if number not in self._made:
            self._made[number] = self._read(self.head["materials"][number])
        return self._made[number]

    def coordinates(self, number: int, attributes: Mapping[str, int]) -> Floats | None:
        """``[V, 2]`` texture coordinates of a material's texture, v upwards; None = there are none."""
        told = _base(self.head["materials"][number])[1] or {}
        moved = (told.get("extensions") or {}).get("KHR_texture_transform", {})
        name = f"TEXCOORD_{moved.get('texCoord', told.get('texCoord', 0))}"
        if name not in attributes:
            return None
        uv = self.accessors[attributes[name]].astype(np.float64)
        angle = moved.get("rotation", 0.0)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        uv = (uv * moved.get("scale", [1, 1])) @ turn.T + moved.get("offset", [0, 0])
        return uv * [1, -1] + [0, 1]

    def _read(self, told: Mapping[str, Any]) -> Material:
        factor, reference = _base(told)
        texture = self._texture(reference["index"]) if reference else None
        glow = np.array(told.get("emissiveFactor", [0, 0, 0]), np.float64)
        rgb, alpha = np.array(factor[:3], np.float64), float(factor[3])
        if texture is None and rgb.max() == 0 and glow.max() > 0:
            rgb = glow
            self.said.append(f"{told.get('name', 'a material')} only glows: its light stands for its colour")
        red, green, blue = to_srgb(rgb).tolist()
        mode = {"MASK": "mask", "BLEND": "blend"}.get(told.get("alphaMode", "OPAQUE"), "opaque")
        return Material(
            colour=(red, green, blue, min(1.0, max(0.0, alpha))),
            texture=texture,
            alpha=mode,  # type: ignore[arg-type]
            cutoff=float(told.get("alphaCutoff", 0.5)),
        )

    def _texture(self, number: int) -> Texture | None:
        texture = self.head["textures"][number]
        extensions = texture.get("extensions") or {}
        sources = [extensions[name]["source"] for name in SOURCES if name in extensions]
        sources += [texture["source"]] if "source" in texture else []
        for source in sources:
            picture = self._picture(source)
            if picture is not None:
                return picture
        if not sources:
            kind = "KTX2" if "KHR_texture_basisu" in extensions else "no known"
            self.said.append(f"a texture is a {kind} picture: the material's colour stands for it")
        return None

    def _picture(self, number: int) -> Texture | None:
        image = self.head["images"][number]
        uri = image.get("uri", "data:")
        name = image.get("name", f"number {number}") if uri.startswith("data:") else uri
        view = image.get("bufferView")

        def content() -> bytes:
            return bytes_of(uri, self.beside) if view is None else self.accessors.view(view)

        return self._pictures.read(f"{name} ({number})" if view is not None else name, content)


def _base(told: Mapping[str, Any]) -> tuple[list[float], Mapping[str, Any] | None]:
    """Linear RGBA factor and texture reference of a material's base colour."""
    glossy = (told.get("extensions") or {}).get(GLOSSY)
    if glossy is not None and "pbrMetallicRoughness" not in told:
        return glossy.get("diffuseFactor", [1, 1, 1, 1]), glossy.get("diffuseTexture")
    rough = told.get("pbrMetallicRoughness", {})
    return rough.get("baseColorFactor", [1, 1, 1, 1]), rough.get("baseColorTexture")
