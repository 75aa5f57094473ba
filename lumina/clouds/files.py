"""Shapes in files: meshes, of which points are drawn, and point clouds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from lumina.clouds.gltf import buffers, require_plain
from lumina.clouds.polygons import triangles
from lumina.clouds.subset import farthest_subset, random_subset
from lumina.clouds.surface import sample_surface, trimesh
from lumina.clouds.text_meshes import read_obj, read_off
from lumina.clouds.vrml import read_vrml
from lumina.errors import CorruptSample, importing, require_numbers
from lumina.files.numpy_file import open_arrays
from lumina.files.regular import require_regular
from lumina.randomness import Purpose, keyed_generator

SUFFIXES = (".glb", ".gltf", ".npz", ".obj", ".off", ".pcd", ".ply", ".stl", ".wrl")
"""Files of shapes, in lower case."""

TEXT = "latin-1"  # of names and comments, of which any byte is a letter
SPARE = 4  # times as many points are drawn of a mesh for the farthest to be chosen among

Up = Literal["y", "z"]
Subsample = Literal["random", "farthest"]


@dataclass(frozen=True, slots=True)
class Shape:
    """A mesh, or a cloud.

    Attributes:
        vertices: ``[V, 3]``.
        faces: ``[F, 3]`` numbers of vertices; None = the vertices are a cloud.
    """

    vertices: npt.NDArray[Any]
    faces: npt.NDArray[Any] | None = None


def read_points(path: Path, count: int, up: Up = "y", subsample: Subsample = "random") -> npt.NDArray[np.float64]:
    """``[P, 3]`` points of the shape in a file, always the same ones, y upwards.

    Args:
        path: a file with one of `SUFFIXES`; an npz holds ``points``, or ``vertices`` and ``faces``.
        count: P, drawn from the surface evenly by area where the file holds a mesh; a cloud may have fewer.
        up: the file's upward axis.
        subsample: which points of a cloud are taken, or of four times as many that are drawn from a mesh: any, or those
            that are spread most evenly.

    Raises:
        CorruptSample: the file cannot be read.
        ImportError: naming the extra to install.
    """
    shape, name = read_shape(path), str(path)
    points = np.asarray(shape.vertices)
    if shape.faces is not None and len(shape.faces):
        drawn = count if subsample == "random" else SPARE * count
        points = sample_surface(points, np.asarray(shape.faces), drawn, name)
    cloud = torch.from_numpy(upright(points, up).astype(np.float64))
    if subsample == "farthest":
        return farthest_subset(cloud, min(count, len(cloud))).numpy()
    return random_subset(cloud, count, keyed_generator(Purpose.POINTS)).numpy()


def read_shape(path: Path) -> Shape:
    """The mesh or the cloud in a file.

    Raises:
        CorruptSample: the file cannot be read.
        ImportError: naming the extra to install.
    """
    readers = {".npz": _npz, ".obj": _obj, ".off": _off, ".pcd": _pcd, ".wrl": _vrml}
    try:
        require_regular(path)
        shape = readers.get(path.suffix.lower(), _mesh)(path)
    except (ImportError, CorruptSample):
        raise
    except ValueError as error:
        raise CorruptSample(path, error) from error
    except KeyError as error:
        raise CorruptSample(path, f"it lacks {error}") from error
    except Exception as error:  # parsers of meshes raise whatever a damaged file makes them stumble over
        raise CorruptSample(path, f"{type(error).__name__}: {error}") from error
    if shape.vertices.ndim != 2 or shape.vertices.shape[1:] != (3,) or not len(shape.vertices):
        raise CorruptSample(path, f"its points have shape {list(shape.vertices.shape)}, expected [P, 3] with P >= 1")
    require_numbers(shape.vertices, path)
    return shape


def files_of(path: Path) -> list[Path]:
    """The files that a shape is made of: itself, and the buffers beside it that a .gltf names."""
    return [path, *buffers(path)] if path.suffix.lower() == ".gltf" else [path]


def upright(points: npt.NDArray[Any], up: Up) -> npt.NDArray[Any]:
    """``points [P, 3]`` turned about x so that y is up."""
    return points if up == "y" else np.stack((points[:, 0], points[:, 2], -points[:, 1]), 1)


def _mesh(path: Path) -> Shape:
    if path.suffix.lower() in (".glb", ".gltf"):
        require_plain(path)
    loaded = trimesh().load(path, process=False, skip_materials=True)
    parts = loaded.dump() if isinstance(loaded, trimesh().Scene) else [loaded]
    meshes = [part for part in parts if isinstance(part, trimesh().Trimesh)]
    for part in parts:
        _require_all(part, path)
    if not meshes:
        if path.suffix.lower() == ".ply" and b"\nelement tristrips" in path.read_bytes().partition(b"end_header")[0]:
            raise CorruptSample(path, "its triangle strips are not read: export it with faces")
        clouds = [part.vertices for part in parts if isinstance(part, trimesh().PointCloud)]
        if not clouds:
            raise CorruptSample(path, "it holds neither a mesh nor points")
        return Shape(np.concatenate(clouds))
    if path.suffix.lower() == ".ply":
        return _with_polygons(meshes[0])
    whole = trimesh().util.concatenate(meshes)
    return Shape(np.asarray(whole.vertices), whole.faces)


def _require_all(part: Any, path: Path) -> None:
    """Compares a PLY with what its header announces: trimesh takes a text that was cut off for whole."""
    elements = part.metadata.get("_ply_raw", {})
    for name in (name for name in ("vertex", "face") if name in elements):
        data, announced = elements[name].get("data"), elements[name]["length"]
        columns = list(data.values()) if isinstance(data, dict) else [data]
        there = min((len(column) for column in columns if column is not None), default=0)
        if there != announced:
            raise CorruptSample(path, f"its header announces {announced} x {name}, of which {there} are there")


def _with_polygons(mesh: Any) -> Shape:
    """The mesh of a PLY file from the polygons that it holds: trimesh makes fans of concave ones too."""
    data = mesh.metadata["_ply_raw"]["face"]["data"]
    names = data if isinstance(data, dict) else data.dtype.names
    polygons = data[next(name for name in ("vertex_indices", "vertex_index", *names) if name in names)]
    polygons = polygons["f1"] if polygons.dtype.names else polygons
    return Shape(np.asarray(mesh.vertices), triangles(list(polygons), np.asarray(mesh.vertices)))


def _npz(path: Path) -> Shape:
    with open_arrays(path) as arrays:
        if "points" in arrays:
            return Shape(arrays["points"])
        if not {"vertices", "faces"} <= set(arrays):
            raise CorruptSample(path, f"it holds {', '.join(arrays)}, expected points, or vertices and faces")
        if arrays["faces"].dtype.kind not in "iu":
            raise CorruptSample(path, f"its faces are of type {arrays['faces'].dtype}, expected integers")
        faces: Any = arrays["faces"]
        if faces.ndim != 2 or not len(faces):
            raise CorruptSample(path, f"its faces have shape {list(faces.shape)}, expected [F, 3] or more with F >= 1")
        vertices: Any = arrays["vertices"]
        return Shape(vertices, triangles(faces, vertices) if faces.shape[1] > 3 else faces)


def _vrml(path: Path) -> Shape:
    return Shape(*read_vrml(path.read_text(encoding=TEXT)))


def _obj(path: Path) -> Shape:
    return Shape(*read_obj(path.read_text(encoding=TEXT)))


def _off(path: Path) -> Shape:
    return Shape(*read_off(path.read_text(encoding=TEXT)))


def _pcd(path: Path) -> Shape:
    with importing("open3d", "a .pcd file"):
        import open3d
    return Shape(np.asarray(open3d.io.read_point_cloud(path).points))
