"""The parts of a mesh as readers of files give them, and one `Mesh` of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lumina.scenes.cameras import Floats
from lumina.scenes.mesh import Material, Mesh
from lumina.scenes.normals import corner_normals

MOST_FACES = 10_000_000
"""Of one mesh, after all its copies are placed; more is taken for an attack on memory."""

LONGEST = 300
"""Letters of a sentence on a substitute."""

GREY = (0.8, 0.8, 0.8, 1.0)
"""What stands for a colour that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Triangles of one material.

    Attributes:
        vertices: ``[V, 3]``.
        faces: ``[F, 3]`` numbers of vertices.
        normals: ``[F, 3, 3]`` at the corners, of any length; 0 or NaN where there is none; None = there are none.
        uv: ``[F, 3, 2]`` at the corners, v upwards; None = there are none.
        colours: ``[F, 3, 4]`` RGBA at the corners in [0, 1], sRGB; None = white.
        material: of all its faces.
    """

    vertices: npt.NDArray[np.floating]
    faces: npt.NDArray[np.integer]
    normals: npt.NDArray[np.floating] | None = None
    uv: npt.NDArray[np.floating] | None = None
    colours: npt.NDArray[np.floating] | None = None
    material: Material


def assemble(parts: Sequence[Part], substitutes: Sequence[str] = ()) -> Mesh:
    """One mesh of all parts; corners without a normal get `corner_normals`, vertices without a face are left out.

    Raises:
        ValueError: there are no faces or too many, a face names a vertex that there is not, coordinates are not finite,
            or the mesh has no extent.
    """
    parts = [part for part in parts if len(part.faces)]
    count = sum(len(part.faces) for part in parts)
    if not count:
        raise ValueError("it has no faces, so there is nothing to render: export it as a mesh")
    require_few(count)
    said = list(substitutes)
    parts = [_with_coordinates(part, said) for part in parts]
    vertices, faces = _joined(parts)
    materials = list({id(part.material): part.material for part in parts}.values())
    place = {id(material): number for number, material in enumerate(materials)}
    numbers = np.repeat([place[id(part.material)] for part in parts], [len(part.faces) for part in parts])
    coloured = any(part.colours is not None for part in parts)
    return Mesh(
        vertices=vertices,
        faces=faces,
        normals=corner_normals(vertices, faces, _stacked(parts, "normals", 3, 0)),
        uv=_stacked(parts, "uv", 2, 0),
        colours=_stacked(parts, "colours", 4, 1) if coloured else None,
        material=numbers.astype(np.int32),
        materials=tuple(_seen(materials, said)),
        substitutes=tuple(dict.fromkeys(map(_sentence, said))),
    )


def require_few(count: int) -> None:
    """Refuses more than `MOST_FACES`.

    Raises:
        ValueError: naming both numbers.
    """
    if count > MOST_FACES:
        raise ValueError(f"it has {count:,} faces or more, of which {MOST_FACES:,} are read: simplify it")


def _joined(parts: Sequence[Part]) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Vertices that faces use, and the faces."""
    for part in parts:
        if part.faces.min() < 0 or part.faces.max() >= len(part.vertices):
            raise ValueError(f"a face names vertex {part.faces.max()} of {len(part.vertices)}")
    starts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    faces = np.concatenate([part.faces.astype(np.int64) + start for part, start in zip(parts, starts, strict=True)])
    vertices = np.concatenate([np.asarray(part.vertices, np.float64) for part in parts])
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    vertices, faces = vertices[used], (np.cumsum(used) - 1)[faces]
    if not np.isfinite(vertices).all():
        raise ValueError("some of its coordinates are NaN or infinite")
    if not np.ptp(vertices, axis=0).max() > 0:
        raise ValueError("all its vertices coincide, so it has no extent")
    return vertices, faces.astype(np.int32)


def _stacked(parts: Sequence[Part], name: str, width: int, missing: float) -> npt.NDArray[np.float32]:
    """``[F, 3, width]`` of all parts; what is missing or not finite is filled."""
    columns = []
    for part in parts:
        values = getattr(part, name)
        shape = (len(part.faces), 3, width)
        columns.append(np.full(shape, missing, np.float32) if values is None else values.astype(np.float32))
    stacked = np.concatenate(columns)
    return np.where(np.isfinite(stacked), stacked, np.float32(missing))


def _with_coordinates(part: Part, said: list[str]) -> Part:
    """A part that can be textured: without texture coordinates its texture's mean colour stands for it."""
    if part.uv is not None or part.material.texture is None:
        return part
    said.append("a texture without texture coordinates: its mean colour stands for it")
    texture = part.material.texture.reshape(-1, 4).astype(np.float64) / 255
    weight = texture[:, 3:]
    mean = (texture[:, :3] * weight).sum(0) / max(weight.sum(), 1e-9)
    red, green, blue, alpha = (np.array(part.material.colour) * [*mean, weight.mean()]).tolist()
    return replace(part, material=replace(part.material, colour=(red, green, blue, alpha), texture=None))


def _seen(materials: Sequence[Material], said: list[str]) -> list[Material]:
    """The materials, opaque if none of them could be seen at all."""
    if any(map(_can_be_seen, materials)):
        return list(materials)
    said.append("all its materials are fully transparent: they are taken for opaque")
    return [replace(material, alpha="opaque") for material in materials]


def _can_be_seen(material: Material) -> bool:
    clear = material.texture is not None and not material.texture[..., 3].any()
    return material.alpha == "opaque" or (material.colour[3] > 0 and not clear)


def _sentence(said: str) -> str:
    """What can be printed on a line: names in files may hold anything, of any length."""
    line = "".join(letter if letter.isprintable() else " " for letter in said)
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
