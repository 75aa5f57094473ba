"""Materials of OBJ files, as MTL files describe them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lumina.scenes.beside import Beside
from lumina.scenes.mesh import Material
from lumina.scenes.parts import GREY
from lumina.scenes.textures import Pictures, with_alpha

OPTIONS = {"-blendu": 1, "-blendv": 1, "-bm": 1, "-boost": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-mm": 2}
OPTIONS |= {"-texres": 1, "-type": 1}
"""Options of textures that are passed over, and how many words follow them."""


@dataclass(slots=True)
class Described:
    """What an MTL file says of a material.

    Attributes:
        colour: ``Kd``; None = not told.
        glow: ``Ke``.
        opacity: ``d``, or 1 less ``Tr``.
        texture: of ``map_Kd``, as it is written; empty = none.
        mask: of ``map_d``.
        scale: of the texture's coordinates, by its option ``-s``.
        offset: added to them afterwards, by ``-o``.
    """

    colour: tuple[float, ...] | None = None
    glow: tuple[float, ...] = (0, 0, 0)
    opacity: float = 1.0
    texture: str = ""
    mask: str = ""
    scale: npt.NDArray[np.float64] = field(default_factory=lambda: np.ones(2))
    offset: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))


def parse_mtl(text: str) -> dict[str, Described]:
    """The materials of an MTL file by name; lines that make no sense are passed over."""
    materials: dict[str, Described] = {}
    current = Described()
    for line in text.splitlines():
        key, _, rest = line.strip().replace("\t", " ").partition(" ")
        rest = rest.strip()
        if key.lower() == "newmtl":
            current = materials.setdefault(rest, Described())
        elif rest:
            _describe(current, key.lower(), rest)
    return materials


def _describe(material: Described, key: str, rest: str) -> None:
    if key in ("kd", "ke"):
        numbers = _numbers(rest.split())
        colour = tuple(numbers[:3] if len(numbers) > 2 else numbers[:1] * 3)
        if key == "kd":
            material.colour = colour or None
        else:
            material.glow = colour or (0, 0, 0)
    elif key in ("d", "tr"):
        numbers = _numbers(rest.removeprefix("-halo").split())
        if numbers:
            material.opacity = numbers[0] if key == "d" else 1 - numbers[0]
    elif key == "map_kd":
        material.texture, material.scale, material.offset = _texture(rest)
    elif key in ("map_d", "map_opacity"):
        material.mask = _texture(rest)[0]


def _texture(rest: str) -> tuple[str, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """File name, scale and offset of a texture line."""
    scale, offset = np.ones(2), np.zeros(2)
    while rest.startswith("-"):
        option, _, rest = rest.partition(" ")
        words = rest.split()
        count = OPTIONS.get(option, len(_numbers(words[:3])) if option in ("-o", "-s", "-t") else 0)
        numbers = _numbers(words[:count])[:2]
        if option == "-s":
            scale[: len(numbers)] = numbers
        elif option == "-o":
            offset[: len(numbers)] = numbers
        rest = rest.split(None, count)[count].strip() if len(words) > count else ""
    return rest, scale, offset


def _numbers(words: list[str]) -> list[float]:
    """The words up to the first that is no finite number."""
    found: list[float] = []
    for word in words:
        try:
            number = float(word)
        except ValueError:
            break
        if not np.isfinite(number):
            break
        found.append(number)
    return found


def build_material(name: str, described: Described, beside: Beside, pictures: Pictures) -> Material:
    """A material with its textures.

    A texture replaces ``Kd``, as Blender has it: exporters leave averages, greys and blacks there.
    """
    texture = pictures.beside(described.texture, beside) if described.texture else None
    colour = _colour(name, described, texture is not None, pictures.said)
    if described.mask and described.mask != described.texture:
        mask = pictures.beside(described.mask, beside)
        texture = texture if mask is None else with_alpha(texture, mask)
    red, green, blue = (min(1.0, max(0.0, float(value))) for value in colour)
    opacity = min(1.0, max(0.0, described.opacity))
    clear = opacity < 1 or (texture is not None and bool((texture[..., 3] < 255).any()))
    return Material(colour=(red, green, blue, opacity), texture=texture, alpha="blend" if clear else "opaque")


def _colour(name: str, described: Described, textured: bool, said: list[str]) -> tuple[float, ...]:
    """What multiplies the texture, or stands where there is none."""
    if textured:
        return (1, 1, 1)
    colour = described.colour or GREY[:3]
    if max(colour) == 0 < max(described.glow):
        said.append(f"{name or 'a material'} only glows: its light stands for its colour")
        return described.glow
    return GREY[:3] if described.texture and max(colour) < 0.05 else colour
