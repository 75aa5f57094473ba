"""A textured mesh as the renderer takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lumina.scenes.cameras import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """How a part of a mesh looks.

    Attributes:
        colour: RGBA factor in [0, 1], in sRGB as the texture; multiplies it.
        texture: ``[H, W, 4]`` uint8 RGBA, sRGB, row 0 at the top (v = 1); None = the factor alone.
        alpha: "opaque" ignores alpha; "mask" keeps what is at least ``cutoff``; "blend" mixes.
        cutoff: of "mask".
    """

    colour: tuple[float, float, float, float] = (0.8, 0.8, 0.8, 1.0)
    texture: npt.NDArray[np.uint8] | None = None
    alpha: Literal["opaque", "mask", "blend"] = "opaque"
    cutoff: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Triangles with what is needed to shade them; z is up once it is normalised.

    Attributes:
        vertices: ``[V, 3]``.
        faces: ``[F, 3]`` indices of vertices.
        normals: ``[F, 3, 3]``, unit normals at the corners of each face.
        uv: ``[F, 3, 2]`` texture coordinates at the corners, v upwards; 0 where there are none.
        colours: ``[F, 3, 4]`` RGBA of the corners in [0, 1], which multiply the material's; None = white.
        material: ``[F]`` index into ``materials``.
        materials: of the mesh.
        substitutes: what was missing or unreadable and what stands for it, each a short sentence.
    """

    vertices: Floats
    faces: npt.NDArray[np.int32]
    normals: npt.NDArray[np.float32]
    uv: npt.NDArray[np.float32]
    colours: npt.NDArray[np.float32] | None
    material: npt.NDArray[np.int32]
    materials: tuple[Material, ...]
    substitutes: tuple[str, ...] = ()
