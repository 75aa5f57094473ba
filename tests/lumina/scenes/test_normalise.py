from pathlib import Path

import numpy as np
import pytest
from tiny_meshes import CORNERS, SIDES

from lumina.clouds.polygons import triangles
from lumina.scenes.mesh import Material
from lumina.scenes.normalise import UPRIGHT, UPS, transformed, upright, usual_up
from lumina.scenes.normals import face_normals
from lumina.scenes.parts import Part, assemble

AXES = {"x": 0, "y": 1, "z": 2}


def box(sides):
    faces = triangles(np.array(SIDES), CORNERS)
    colours = np.random.default_rng(0).random((len(faces), 3, 4))
    return assemble(
        [Part(vertices=CORNERS * sides + 7, faces=faces, uv=colours[..., :2], colours=colours, material=Material())]
    )


@pytest.mark.parametrize("up", UPS)
def test_up_is_up(up):
    assert np.linalg.det(UPRIGHT[up]) == 1
    axis = np.zeros(3)
    axis[AXES[up[-1]]] = -1 if "-" in up else 1
    assert (np.array(UPRIGHT[up]) @ axis).tolist() == [0, 0, 1]


@pytest.mark.parametrize("up", UPS)
def test_the_mesh_is_centred_with_longest_side_one_and_can_be_put_back(up):
    mesh = box((1000, 500, 250))
    placed, about = upright(mesh, up)
    low, high = placed.vertices.min(0), placed.vertices.max(0)
    np.testing.assert_allclose(low, -high, atol=1e-12)
    assert (high - low).max() == pytest.approx(1)
    assert about["up"] == up and about["scale"] == pytest.approx(1 / 1000)
    again = (placed.vertices - about["offset"]) / about["scale"] @ np.array(UPRIGHT[up])
    np.testing.assert_allclose(again, mesh.vertices, atol=1e-9)
    np.testing.assert_allclose(placed.normals[:, 0], face_normals(placed.vertices, placed.faces), atol=1e-6)


def test_a_mirror_keeps_the_outside_outside():
    mesh = box((1, 2, 3))
    mirrored = transformed(mesh, np.diag([-1.0, 1, 1]))
    np.testing.assert_allclose(mirrored.normals[:, 0], face_normals(mirrored.vertices, mirrored.faces), atol=1e-6)
    outside = mirrored.vertices[mirrored.faces].mean(1) - mirrored.vertices.mean(0)
    assert (np.einsum("fi,fi->f", outside, mirrored.normals[:, 0]) > 0).all()
    back = transformed(mirrored, np.diag([-1.0, 1, 1]))
    for name in ("vertices", "faces", "normals", "uv", "colours"):
        np.testing.assert_allclose(getattr(back, name), getattr(mesh, name), atol=1e-6)


def test_what_is_up_in_files():
    assert [usual_up(Path(f"a{suffix}")) for suffix in (".GLB", ".gltf", ".obj", ".stl", ".ply")] == [*"yyyzz"]
