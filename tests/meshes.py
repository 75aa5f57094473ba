"""Meshes whose pictures are known."""

import numpy as np
import numpy.typing as npt

from lumina.scenes.mesh import Material, Mesh

SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)


def flat(vertices: npt.ArrayLike, faces: npt.ArrayLike, *materials: Material, **changes: object) -> Mesh:
    """A mesh of flat triangles; without ``material`` all are of the first."""
    points, corners = np.asarray(vertices, float), np.asarray(faces, np.int32)
    first, second, third = (points[corners[:, corner]] for corner in range(3))
    normal = np.cross(second - first, third - first)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    given = {
        "normals": np.repeat(normal[:, None], 3, 1).astype(np.float32),
        "uv": np.zeros((len(corners), 3, 2), np.float32),
        "colours": None,
        "material": np.zeros(len(corners), np.int32),
        "materials": materials or (Material(),),
    }
    return Mesh(vertices=points, faces=corners, **(given | changes))  # type: ignore[arg-type]


def sheets(heights: npt.ArrayLike, *materials: Material, **changes: object) -> Mesh:
    """Squares from -1 to 1 that face up, one at each height, each of a material of its own; uv 0 to 1 over x and y."""
    levels = np.asarray(heights, float)
    vertices = np.concatenate([np.column_stack((SQUARE, np.full(4, level))) for level in levels])
    faces = np.concatenate([4 * number + np.array([(0, 1, 2), (0, 2, 3)]) for number in range(len(levels))])
    uv = ((vertices[faces][..., :2] + 1) / 2).astype(np.float32)
    material = np.repeat(np.arange(len(levels), dtype=np.int32) % max(1, len(materials)), 2)
    return flat(vertices, faces, *materials, **({"uv": uv, "material": material} | changes))


def cube(*materials: Material) -> Mesh:
    """From -0.5 to 0.5."""
    vertices = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return flat(vertices, [three for a, b, c, d in quads for three in ((a, b, c), (a, c, d))], *materials)


def sphere(radius: float, rings: int, *materials: Material) -> Mesh:
    """Of longitudes and latitudes, with the true normals."""
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, 2 * rings + 1), indexing="ij"
    )
    points = np.stack((np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)), -1)
    number = np.arange(points[..., 0].size).reshape(points.shape[:2])
    a, b, c, d = (x.ravel() for x in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    faces = np.concatenate((np.stack((a, b, c), 1)[: -2 * rings], np.stack((a, c, d), 1)[2 * rings :]))
    unit = points.reshape(-1, 3)
    return flat(radius * unit, faces, *materials, normals=unit[faces].astype(np.float32))
