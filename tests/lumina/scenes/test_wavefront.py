from pathlib import Path

import numpy as np
import pytest
from tiny_meshes import CORNERS, QUAD, cube_obj, picture, write_quad

from lumina.scenes.beside import InFolder
from lumina.scenes.parts import assemble
from lumina.scenes.reading import read_mesh
from lumina.scenes.wavefront import read_obj


def parts_of(text, folder="/nowhere"):
    said = []
    data = text if isinstance(text, bytes) else text.encode()
    return read_obj(data, InFolder(Path(folder)), said), said


def test_a_cube_of_squares():
    parts, said = parts_of(cube_obj())
    mesh = assemble(parts)
    assert mesh.faces.shape == (12, 3) and not said
    assert sorted(map(tuple, mesh.vertices)) == sorted(map(tuple, CORNERS))
    assert (np.einsum("fi,fi->f", mesh.vertices[mesh.faces].mean(1) - 0.5, mesh.normals[:, 0]) > 0.4).all()
    assert mesh.materials[0].colour == (0.8, 0.8, 0.8, 1)


def test_a_textured_square(tmp_path):
    file = write_quad(tmp_path, "newmtl paint\nmap_Kd a.png\n", {"A.PNG": picture("RGB", (9, 8, 7))})
    mesh = read_mesh(file)
    assert mesh.materials[0].texture[0, 0].tolist() == [9, 8, 7, 255]
    np.testing.assert_allclose(mesh.uv, mesh.vertices[mesh.faces][..., :2])
    assert mesh.substitutes == ()


@pytest.mark.parametrize(
    "face",
    [
        "f 1/1/1 2/2/1 3/3/1 4/4/1",
        "f -4/-4/-1 -3/-3/-1 -2/-2/-1 -1/-1/-1",
        "f 1/1/1 2/2/1 3/3/1\nf 1/1/1 3/3/1 4/4/1",
        "f 1/1/1 2/2/1 \\\n 3/3/1 4/4/1",
        "f  1/1/1\t2/2/1  3/3/1 4/4/1 # a word",
    ],
)
def test_ways_to_write_a_face(face):
    mesh = assemble(parts_of(f"{QUAD}vn 0 0 -3\n{face}\n")[0])
    assert mesh.faces.shape == (2, 3)
    np.testing.assert_allclose(mesh.uv, mesh.vertices[mesh.faces][..., :2])
    np.testing.assert_allclose(mesh.normals, np.broadcast_to([0, 0, -1], (2, 3, 3)))


@pytest.mark.parametrize("face", ["f 1 2 3 4", "f 1// 2// 3// 4//", "f 1/1 2 3/3 4/4", "f 1//9 2//9 3//9 4//9"])
def test_faces_without_normals_get_them(face):
    np.testing.assert_allclose(assemble(parts_of(f"{QUAD}{face}\n")[0]).normals, np.broadcast_to([0, 0, 1], (2, 3, 3)))


def test_numbers_count_backwards_from_where_they_stand():
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 0 0 5\nv 1 0 5\nv 0 1 5\nf -3 -2 -1\n"
    mesh = assemble(parts_of(text)[0])
    assert mesh.vertices[mesh.faces][..., 2].tolist() == [[0] * 3, [5] * 3]


def test_concave_polygons_are_covered_once():
    text = "v 0 0 0\nv 2 0 0\nv 2 2 0\nv 1 0.5 0\nv 0 2 0\nf 1 2 3 4 5\n"
    mesh = assemble(parts_of(text)[0])
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    areas = np.cross(b - a, c - a)[:, 2] / 2
    assert (areas > 0).all() and areas.sum() == pytest.approx(2.5)


def test_vertex_colours():
    text = "v 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 0 1 0 0 0 1\nf 1 2 3\n"
    mesh = assemble(parts_of(text)[0])
    assert mesh.colours.tolist() == [[[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]]
    assert mesh.materials[0].colour == (1, 1, 1, 1)
    text = text.replace("1 0 0\nv 1", "255 0 0\nv 1")
    assert assemble(parts_of(text)[0]).colours[0, 0].tolist() == [1, 0, 0, 1]


def test_what_is_no_face_is_told():
    parts, said = parts_of("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 5 5 5\nf 1 2 3\nl 1 4\np 4\nl 2 4\n")
    assert len(assemble(parts).vertices) == 3 and said == ["its lines and points are left out"]


def test_each_material_is_a_part_whatever_the_order(tmp_path):
    (tmp_path / "a b.mtl").write_text("newmtl red\nKd 1 0 0\n")
    (tmp_path / "c.mtl").write_text("newmtl blue\nKd 0 0 1\n")
    faces = "usemtl blue\nf 1 2 3\nusemtl red\nf 2 3 4\nusemtl blue\nf 1 3 4\n"
    for libraries in ("mtllib a b.mtl\nmtllib c.mtl\n", "mtllib  c.mtl\nmtllib ./A B.MTL\n"):
        parts, said = parts_of(libraries + QUAD + faces, tmp_path)
        assert not said
        assert sorted((len(part.faces), part.material.colour) for part in parts) == [
            (1, (1, 0, 0, 1)),
            (2, (0, 0, 1, 1)),
        ]


def test_several_libraries_on_a_line(tmp_path):
    for name, colour in (("a", "1 0 0"), ("b", "0 1 0")):
        (tmp_path / f"{name}.mtl").write_text(f"newmtl {name}\nKd {colour}\n")
    parts, said = parts_of(f"mtllib a.mtl b.mtl\n{QUAD}usemtl a\nf 1 2 3\nusemtl b\nf 1 3 4\n", tmp_path)
    assert not said and [part.material.colour for part in parts] == [(1, 0, 0, 1), (0, 1, 0, 1)]


def test_missing_materials_are_told(tmp_path):
    parts, said = parts_of(f"mtllib gone.mtl\n{QUAD}usemtl red\nf 1 2 3\n", tmp_path)
    assert parts[0].material.colour == (0.8, 0.8, 0.8, 1)
    assert "gone.mtl is missing" in said[0] and "red is not described" in said[1]


def test_the_only_material_file_stands_for_a_missing_one(tmp_path):
    (tmp_path / "new.mtl").write_text("newmtl red\nKd 1 0 0\n")
    parts, said = parts_of(f"mtllib old.mtl\n{QUAD}usemtl red\nf 1 2 3\n", tmp_path)
    assert parts[0].material.colour == (1, 0, 0, 1)
    assert said == ["the material file old.mtl is missing: new.mtl stands for it"]


def test_a_material_scales_its_texture(tmp_path):
    mtl = "newmtl paint\nmap_Kd -s 2 3 -o 0.5 0 a.png\n"
    mesh = read_mesh(write_quad(tmp_path, mtl, {"a.png": picture()}))
    np.testing.assert_allclose(mesh.uv, mesh.vertices[mesh.faces][..., :2] * [2, 3] + [0.5, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no vertices"),
        ("f 1 2 3\n", "no vertices"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n", "vertex 4, but they count from 1 to 3"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "vertex 0"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -4 1 2\n", "vertex"),
        ("v 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "2 numbers, expected 3"),
        ("v 0 0 zero\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "not a number"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 x\n", "number"),
    ],
)
def test_damaged_files_are_refused(text, why):
    with pytest.raises(ValueError, match=why):
        parts_of(text)


def test_names_in_any_code():
    parts, said = parts_of(b"mtllib gr\xfcn.mtl\n" + QUAD.encode() + b"usemtl red\nf 1 2 3\n")
    assert len(parts) == 1 and "grün.mtl" in said[0]
    parts, said = parts_of(("\ufeffmtllib grün.mtl\n" + QUAD + "f 1 2 3\n").encode())
    assert len(parts) == 1 and "grün.mtl" in said[0]
