"""Shapes of every kind of file, with areas that are known; and files that are damaged."""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy.spatial import cKDTree
from tiny_shapes import write_vrml

from lumina.clouds.files import read_points, read_shape, upright
from lumina.errors import CorruptSample

trimesh = pytest.importorskip("trimesh")
BOX = (1.0, 2.0, 4.0)
MESHES = ("glb", "obj", "off", "ply", "stl")


def box():
    return trimesh.creation.box(BOX)


def write(path):
    if path.suffix == ".wrl":
        write_vrml(path, box().vertices, box().faces)
    elif path.suffix == ".npz":
        np.savez(path, vertices=box().vertices, faces=box().faces)
    else:
        box().export(path)
    return path


@pytest.mark.parametrize("suffix", [*MESHES, "npz", "wrl"])
def test_every_kind_of_mesh(tmp_path, suffix):
    points = read_points(write(tmp_path / f"box.{suffix}"), 2000)
    assert points.shape == (2000, 3) and points.dtype == np.float64
    np.testing.assert_allclose(points.max(0) - points.min(0), BOX, atol=1e-4)
    assert (np.abs(points).max(1) > 0).all()
    np.testing.assert_allclose((np.abs(2 * points / BOX)).max(1), 1, atol=1e-4)  # on the surface
    np.testing.assert_array_equal(points, read_points(tmp_path / f"box.{suffix}", 2000))


@pytest.mark.parametrize("suffix", ["ply", "npz", "pcd"])
def test_every_kind_of_cloud(tmp_path, suffix):
    points = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    path = tmp_path / f"cloud.{suffix}"
    if suffix == "npz":
        np.savez(path, points=points)
    elif suffix == "ply":
        trimesh.PointCloud(points).export(path)
    else:
        open3d = pytest.importorskip("open3d")
        open3d.io.write_point_cloud(path, open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points)))
    np.testing.assert_allclose(read_shape(path).vertices, points, atol=1e-6)
    drawn = read_points(path, 100).astype(np.float32)
    assert {tuple(p) for p in drawn.round(4)} <= {tuple(p) for p in points.round(4)}
    for kind in ("random", "farthest"):
        np.testing.assert_allclose(
            sorted(map(tuple, read_points(path, 400, "y", kind))), sorted(map(tuple, points)), atol=1e-6
        )


@pytest.mark.parametrize("lines, missing", [(3, "4 x vertex, of which 3"), (5, "2 x face, of which 1")])
def test_a_text_that_was_cut_off_is_corrupt(tmp_path, lines, missing):
    columns = "property float x\nproperty float y\nproperty float z\n"
    head = f"ply\nformat ascii 1.0\nelement vertex 4\n{columns}element face 2\nproperty list uchar int vertex_indices\n"
    rows = ["0 0 0", "1 0 0", "0 1 0", "0 0 1", "3 0 1 2", "3 0 1 3"]
    file = tmp_path / "cut.ply"
    file.write_text("\n".join([f"{head}end_header", *rows]) + "\n")
    assert read_points(file, 8).shape == (8, 3)
    file.write_text("\n".join([f"{head}end_header", *rows[:lines]]) + "\n")
    with pytest.raises(CorruptSample, match=missing):
        read_points(file, 8)


@pytest.mark.parametrize("suffix", ["npz", "obj", "off", "pcd", "ply", "wrl"])
def test_coordinates_in_the_millions_are_kept(tmp_path, suffix):
    sphere = np.random.default_rng(0).normal(size=(2000, 3))
    points = sphere / np.linalg.norm(sphere, axis=1, keepdims=True) + (500_000, 5.4e6, 100)
    path = tmp_path / f"far.{suffix}"
    rows = "\n".join(" ".join(f"{x:.9f}" for x in point) for point in points) + "\n"
    face = np.array([[0, 1, 2]])  # of which points are drawn, if the file holds a mesh
    if suffix == "npz":
        np.savez(path, points=points)
    elif suffix == "obj":
        path.write_text("".join(f"v {row}\n" for row in rows.splitlines()))
    elif suffix == "off":
        path.write_text(f"OFF\n2000 1 0\n{rows}3 0 1 2\n")
    elif suffix == "wrl":
        write_vrml(path, points, face)
    elif suffix == "ply":
        columns = "".join(f"property double {axis}\n" for axis in "xyz")
        head = f"ply\nformat binary_little_endian 1.0\nelement vertex 2000\n{columns}end_header\n"
        path.write_bytes(head.encode() + points.astype("<f8").tobytes())
    else:
        head = "VERSION .7\nFIELDS x y z\nSIZE 8 8 8\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 2000\nHEIGHT 1\nPOINTS 2000\n"
        pytest.importorskip("open3d")
        path.write_text(f"{head}DATA ascii\n{rows}")
    np.testing.assert_allclose(read_shape(path).vertices, points, rtol=0, atol=1e-6)
    drawn = read_points(path, 2000)
    assert all(len(np.unique(drawn[:, axis])) == 2000 for axis in range(3))


def test_a_scene_has_all_its_meshes(tmp_path):
    scene = trimesh.Scene()
    scene.add_geometry(box())
    scene.add_geometry(box(), transform=trimesh.transformations.translation_matrix([10, 0, 0]))
    scene.export(tmp_path / "two.glb")
    points = read_points(tmp_path / "two.glb", 1000)
    assert 0.4 < (points[:, 0] > 5).mean() < 0.6


def test_a_scene_without_meshes_has_all_its_clouds(tmp_path):
    points = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    scene = trimesh.Scene([trimesh.PointCloud(points[:200])])
    scene.add_geometry(
        trimesh.PointCloud(points[200:] - [10, 0, 0]), transform=trimesh.transformations.translation_matrix([10, 0, 0])
    )
    scene.export(tmp_path / "clouds.glb")
    found = np.array(sorted(map(tuple, read_shape(tmp_path / "clouds.glb").vertices)))
    np.testing.assert_allclose(found, sorted(map(tuple, points)), atol=1e-5)


def test_z_becomes_up_without_mirroring():
    turned = upright(np.eye(3), "z")
    assert turned[2].tolist() == [0, 1, 0]
    assert np.linalg.det(turned) == pytest.approx(1)


def test_farthest_points_of_a_mesh(tmp_path):
    path = write(tmp_path / "box.ply")
    chosen = [read_points(path, 200, "y", kind) for kind in ("farthest", "random")]
    gaps = [cKDTree(points).query(points, k=2)[0][:, 1].min() for points in chosen]
    assert gaps[0] > 3 * gaps[1]


def test_materials_are_not_looked_for_whatever_the_letters(tmp_path):
    path = tmp_path / "BOX.OBJ"
    path.write_text("mtllib absent.mtl\n" + trimesh.exchange.obj.export_obj(box(), include_texture=False))
    assert len(read_shape(path).faces) == 12


@pytest.mark.parametrize("suffix", ["glb", "npz", "obj", "off", "pcd", "ply", "stl", "wrl"])
@pytest.mark.parametrize("content", [b"", b"\x00\xff broken" * 9])
def test_damaged_files_are_named(tmp_path, suffix, content):
    path = tmp_path / f"damaged.{suffix}"
    path.write_bytes(content)
    with pytest.raises(CorruptSample, match=f"damaged.{suffix}: "):
        read_points(path, 10)


def test_files_cut_off_are_named(tmp_path):
    for suffix in ("glb", "npz", "off", "ply", "wrl"):
        path = write(tmp_path / f"box.{suffix}")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(CorruptSample, match=f"box.{suffix}: "):
            read_points(path, 10)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"points": np.zeros((0, 3))}, r"shape \[0, 3\]"),
        ({"points": np.zeros((5, 2))}, r"shape \[5, 2\]"),
        ({"cloud": np.zeros((5, 3))}, "it holds cloud, expected points, or vertices and faces"),
        ({"vertices": np.zeros((3, 3)), "faces": np.array([[0, 1, 2]])}, "without any area"),
        ({"vertices": np.full((3, 3), np.nan), "faces": np.array([[0, 1, 2]])}, "NaN or infinite"),
        ({"points": np.full((20, 3), "a")}, "of type <U1, expected real numbers"),
        ({"points": np.full((20, 3), 1j)}, "of type complex128, expected real numbers"),
        ({"vertices": np.eye(3), "faces": np.eye(3)}, "its faces are of type float64, expected integers"),
        ({"vertices": np.eye(3), "faces": np.array([[0, 1, 7]])}, "a face names vertex 7 of 3"),
    ],
)
def test_shapes_without_points_are_named(tmp_path, arrays, reason):
    np.savez(tmp_path / "shape.npz", **arrays)
    with pytest.raises(CorruptSample, match=f"shape.npz: .*{reason}"):
        read_points(tmp_path / "shape.npz", 10)


ARROW = np.array([(0, 0, 0), (4, 0, 0), (4, 4, 0), (2, 1, 0), (0, 4, 0)], float)  # of area 10; its fan has more


@pytest.mark.parametrize("suffix", ["npz", "obj", "off", "ply", "wrl"])
@pytest.mark.parametrize("corners", [(0, 1, 2, 3, 4), (1, 2, 3, 0)])
def test_no_point_lies_outside_a_concave_face(tmp_path, suffix, corners):
    path, face = tmp_path / f"arrow.{suffix}", " ".join(map(str, corners))
    rows = "".join("{:g} {:g} {:g}\n".format(*point) for point in ARROW)
    if suffix == "npz":
        np.savez(path, vertices=ARROW, faces=np.array([corners]))
    elif suffix == "obj":
        written = " ".join(str(corner + 1) for corner in corners)
        path.write_text("".join(f"v {row}\n" for row in rows.splitlines()) + f"f {written}\n")
    elif suffix == "off":
        path.write_text(f"OFF\n5 1 0\n{rows}{len(corners)} {face}\n")
    elif suffix == "ply":
        columns = "".join(f"property float {axis}\n" for axis in "xyz")
        faces = "element face 1\nproperty list uchar int vertex_indices\n"
        head = f"ply\nformat ascii 1.0\nelement vertex 5\n{columns}{faces}end_header\n"
        path.write_text(f"{head}{rows}{len(corners)} {face}\n")
    else:
        write_vrml(path, ARROW, [corners])
    x, y, _ = read_points(path, 2000).T
    assert (y <= 4 - 1.5 * np.minimum(x, 4 - x) + 1e-6).mean() > 0.999


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("draco.gltf", b'{"asset": {}, "extensionsRequired": ["EXT_meshopt_compression"]}', "compressed with meshopt"),
        ("empty.gltf", b'{"asset": {"version": "2.0"}, "scenes": [{"nodes": []}], "scene": 0}', "neither a mesh nor"),
        (
            "strips.ply",
            b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
            b"element tristrips 1\nproperty list int int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
            "triangle strips are not read",
        ),
        ("flat.ply", b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float y\nend_header\n1\n", "lacks"),
    ],
)
def test_what_a_shape_lacks_is_said_in_its_words(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorruptSample, match=rf"{name}: .*{reason}"):
        read_shape(tmp_path / name)


@pytest.mark.parametrize("ending", ["ply", "npz", "obj", "glb", "stl", "wrl"])
def test_pipes_do_not_hang(tmp_path, ending):
    os.mkfifo(tmp_path / f"a.{ending}")
    with pytest.raises(CorruptSample, match="a pipe or a device"):
        read_shape(tmp_path / f"a.{ending}")


def test_an_archive_that_swells_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", points=np.zeros((1 << 25, 3), np.float32))
    with pytest.raises(CorruptSample, match="would unpack to"):
        read_shape(tmp_path / "a.npz")
