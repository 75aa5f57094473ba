"""Points on the surface of meshes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lumina.errors import CorruptSample, importing

Array = npt.NDArray[Any]


def trimesh() -> Any:
    """The package.

    Raises:
        ImportError: naming the extra to install.
    """
    with importing("trimesh", "a mesh"):
        import trimesh as package
        import trimesh.sample
    return package


def sample_surface(vertices: Array, faces: Array, count: int, name: str, seed: int = 0) -> npt.NDArray[np.float64]:
    """Points drawn evenly by area.

    Args:
        vertices: ``[V, 3]``.
        faces: ``[F, 3]`` numbers of vertices.
        count: P.
        name: what to call the mesh in an error.
        seed: of the draw.

    Returns:
        ``[P, 3]``.

    Raises:
        CorruptSample: the mesh has no area, or coordinates that are not finite.
    """
    if not np.isfinite(vertices).all():
        raise CorruptSample(name, "some of its coordinates are NaN or infinite")
    if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise CorruptSample(name, f"a face names vertex {faces.max()} of {len(vertices)}")
    mesh = trimesh().Trimesh(vertices, faces, process=False)
    if not mesh.area > 0:
        raise CorruptSample(name, f"a mesh of {len(vertices)} vertices and {len(faces)} faces without any area")
    points, _ = trimesh().sample.sample_surface(mesh, count, seed=seed)
    return np.asarray(points, np.float64)
