import struct

import numpy as np
import pytest
from tiny_meshes import CORNERS, SIDES, picture

from lumina.clouds.polygons import triangles
from lumina.errors import CorruptSample
from lumina.scenes.reading import read_mesh

pytest.importorskip("trimesh")


def ply(folder, properties, rows, faces="3 0 1 2\n", count=1, more="", comment=""):
    head = f"ply\nformat ascii 1.0\n{comment}element vertex {len(rows)}\n"
    head += "".join(f"property {one}\n" for one in properties)
    head += (
        f"element face {count}\nproperty list uchar int vertex_indices\n{more}end_header\n" if count else "end_header\n"
    )
    file = folder / "a.ply"
    file.write_text(head + "".join(f"{row}\n" for row in rows) + (faces if count else ""))
    return file


XYZ = ["float x", "float y", "float z"]
ROWS = ["0 0 0", "1 0 0", "0 1 0"]


def test_plain(tmp_path):
    mesh = read_mesh(ply(tmp_path, XYZ, ROWS))
    assert mesh.vertices[mesh.faces].tolist() == [[[0, 0, 0], [1, 0, 0], [0, 1, 0]]]
    assert mesh.colours is None and mesh.materials[0].colour == (0.8, 0.8, 0.8, 1)


def test_vertex_colours_and_normals(tmp_path):
    kinds = [*XYZ, "float nx", "float ny", "float nz", "uchar red", "uchar green", "uchar blue", "uchar alpha"]
    mesh = read_mesh(ply(tmp_path, kinds, [f"{row} 0 0 -2 255 51 0 102" for row in ROWS]))
    np.testing.assert_allclose(mesh.colours[0], [[1, 0.2, 0, 0.4]] * 3)
    assert mesh.normals[0].tolist() == [[0, 0, -1]] * 3
    assert (mesh.materials[0].alpha, mesh.materials[0].colour) == ("blend", (1, 1, 1, 1))


def test_colours_as_floats(tmp_path):
    mesh = read_mesh(
        ply(tmp_path, [*XYZ, "float red", "float green", "float blue"], [f"{row} 1 0.2 0" for row in ROWS])
    )
    np.testing.assert_allclose(mesh.colours[0], [[1, 0.2, 0, 1]] * 3)
    assert mesh.materials[0].alpha == "opaque"


def test_colours_of_faces(tmp_path):
    more = "property uchar red\nproperty uchar green\nproperty uchar blue\n"
    rows = [*ROWS, "1 1 0"]
    mesh = read_mesh(ply(tmp_path, XYZ, rows, "3 0 1 2 255 0 0\n3 1 3 2 0 0 255\n", 2, more))
    assert mesh.colours[:, 0].tolist() == [[1, 0, 0, 1], [0, 0, 1, 1]]


@pytest.mark.parametrize("names", ["st", "uv"])
def test_textures_by_vertex(tmp_path, names):
    (tmp_path / "Wood.png").write_bytes(picture("RGB", (9, 8, 7)))
    kinds = [*XYZ, f"float {names[0]}", f"float {names[1]}"]
    mesh = read_mesh(
        ply(tmp_path, kinds, [f"{row} {row[:3]}" for row in ROWS], comment="comment TextureFile wood.png\n")
    )
    assert mesh.uv[0].tolist() == [[0, 0], [1, 0], [0, 1]]
    assert mesh.materials[0].texture[0, 0].tolist() == [9, 8, 7, 255] and mesh.substitutes == ()


def test_textures_by_corner(tmp_path):
    (tmp_path / "wood.png").write_bytes(picture())
    more = "property list uchar float texcoord\n"
    faces = "3 0 1 2 6 0 0 0.5 0 0 1\n3 0 1 3 6 1 1 0.5 1 1 0\n"
    file = ply(tmp_path, XYZ, [*ROWS, "0 0 1"], faces, 2, more, "comment TextureFile wood.png\n")
    assert read_mesh(file).uv.tolist() == [[[0, 0], [0.5, 0], [0, 1]], [[1, 1], [0.5, 1], [1, 0]]]


def test_missing_textures_are_told(tmp_path):
    mesh = read_mesh(ply(tmp_path, XYZ, ROWS, comment="comment TextureFile ../gone.png\n"))
    assert "gone.png cannot be read (it is missing)" in mesh.substitutes[0] and mesh.materials[0].colour == (
        0.8,
        0.8,
        0.8,
        1,
    )


def test_concave_polygons(tmp_path):
    rows = ["0 0 0", "2 0 0", "2 2 0", "1 0.5 0", "0 2 0"]
    mesh = read_mesh(ply(tmp_path, XYZ, rows, "5 0 1 2 3 4\n"))
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    areas = np.cross(b - a, c - a)[:, 2] / 2
    assert (areas > 0).all() and areas.sum() == pytest.approx(2.5)


def test_binary(tmp_path):
    head = b"ply\nformat binary_little_endian 1.0\nelement vertex 3\n"
    head += b"property float x\nproperty float y\nproperty float z\n"
    head += b"property uchar red\nproperty uchar green\nproperty uchar blue\n"
    head += b"element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    rows = b"".join(struct.pack("<3f3B", *map(float, row.split()), 255, 0, 51) for row in ROWS)
    (tmp_path / "a.ply").write_bytes(head + rows + struct.pack("<B3i", 3, 0, 1, 2))
    mesh = read_mesh(tmp_path / "a.ply")
    np.testing.assert_allclose(mesh.colours[0], [[1, 0, 0.2, 1]] * 3)
    (tmp_path / "a.ply").write_bytes(head + rows)
    with pytest.raises(CorruptSample):
        read_mesh(tmp_path / "a.ply")


def test_clouds_are_refused_with_a_hint(tmp_path):
    with pytest.raises(CorruptSample, match=r"a\.ply: it holds points, but no faces .* make a mesh"):
        read_mesh(ply(tmp_path, XYZ, ROWS, count=0))
    (tmp_path / "a.off").write_text("OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n")
    with pytest.raises(CorruptSample, match=r"a\.off: it holds points"):
        read_mesh(tmp_path / "a.off")


def test_damaged_ones_are_refused(tmp_path):
    with pytest.raises(CorruptSample, match="vertex 7 of 3"):
        read_mesh(ply(tmp_path, XYZ, ROWS, "3 0 1 7\n"))
    with pytest.raises(CorruptSample, match=r"2 x face, of which 1"):
        read_mesh(ply(tmp_path, XYZ, ROWS, "3 0 1 2\n", 2))
    (tmp_path / "a.stl").write_bytes(b"nonsense")
    with pytest.raises(CorruptSample, match=r"a\.stl"):
        read_mesh(tmp_path / "a.stl")


@pytest.mark.parametrize("text", [True, False])
def test_stl(tmp_path, text):
    corners = CORNERS[triangles(np.array(SIDES), CORNERS)].astype("<f4")
    if text:
        facets = (
            "facet normal 0 0 0\nouter loop\n"
            + "".join(f"vertex {x} {y} {z}\n" for x, y, z in facet)
            + "endloop\nendfacet\n"
            for facet in corners
        )
        (tmp_path / "a.stl").write_text("solid a\n" + "".join(facets) + "endsolid a\n")
    else:
        facets = (np.zeros(3, "<f4").tobytes() + facet.tobytes() + b"\0\0" for facet in corners)
        (tmp_path / "a.stl").write_bytes(bytes(80) + struct.pack("<I", len(corners)) + b"".join(facets))
    mesh = read_mesh(tmp_path / "a.stl")
    assert sorted(map(str, mesh.vertices[mesh.faces].tolist())) == sorted(map(str, corners.tolist()))
    assert (np.einsum("fi,fi->f", mesh.vertices[mesh.faces].mean(1) - 0.5, mesh.normals[:, 0]) > 0.4).all()


def test_off(tmp_path):
    text = "".join(f"{x} {y} {z}\n" for x, y, z in CORNERS) + "".join(
        f"4 {' '.join(map(str, side))}\n" for side in SIDES
    )
    (tmp_path / "a.OFF").write_text(f"OFF\n8 6 0\n{text}")
    mesh = read_mesh(tmp_path / "a.OFF")
    assert len(mesh.faces) == 12 and not mesh.substitutes


def test_colours_that_are_not_read_are_told(tmp_path):
    (tmp_path / "a.off").write_text("COFF\n3 1 0\n0 0 0 255 0 0\n1 0 0 255 0 0\n0 1 0 255 0 0\n3 0 1 2\n")
    assert "colours of its vertices" in read_mesh(tmp_path / "a.off").substitutes[0]
    (tmp_path / "b.off").write_text("OFF\n3 2 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n3 2 1 0 255 0 0\n")
    assert "colours of its faces" in read_mesh(tmp_path / "b.off").substitutes[0]
