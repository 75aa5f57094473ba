import numpy as np
import pytest
from tiny_meshes import CORNERS, SIDES

from lumina.clouds.polygons import triangles
from lumina.scenes import normals
from lumina.scenes.normals import corner_normals, face_normals, transformed_normals

CUBE = triangles(np.array(SIDES), CORNERS).astype(np.int32)


def sphere(count=24):
    """A sphere of squares, and its triangles."""
    azimuth = np.linspace(0, 2 * np.pi, 2 * count + 1)
    polar = np.linspace(0, np.pi, count + 1)
    a, p = np.meshgrid(azimuth, polar)
    vertices = np.stack((np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)), -1).reshape(-1, 3)
    numbers = np.arange(len(vertices)).reshape(count + 1, -1)
    quads = np.stack((numbers[:-1, :-1], numbers[1:, :-1], numbers[1:, 1:], numbers[:-1, 1:]), -1).reshape(-1, 4)
    faces = np.concatenate((quads[:, :3], quads[:, [0, 2, 3]])).astype(np.int32)
    area = np.linalg.norm(
        np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]), axis=1
    )
    return vertices, faces[area > 1e-12]


def none(faces):
    return np.zeros((len(faces), 3, 3), np.float32)


def test_a_cube_has_edges():
    got = corner_normals(CORNERS, CUBE, none(CUBE))
    np.testing.assert_allclose(got, np.repeat(face_normals(CORNERS, CUBE)[:, None], 3, 1), atol=1e-6)
    outside = CORNERS[CUBE].mean(1) - 0.5
    assert (np.einsum("fi,fi->f", outside, got[:, 0]) > 0).all()


def test_a_cube_is_smooth_at_a_larger_angle():
    got = corner_normals(CORNERS, CUBE, none(CUBE), crease=100)
    expected = (CORNERS[CUBE] - 0.5) / np.linalg.norm(CORNERS[CUBE] - 0.5, axis=-1, keepdims=True)
    np.testing.assert_allclose(got, expected, atol=1e-6)  # by angles, three sides weigh the same at every corner


@pytest.mark.parametrize("most", [64, 2])
def test_a_sphere_is_smooth_across_its_seam(monkeypatch, most):
    monkeypatch.setattr(normals, "MOST_AROUND", most)
    monkeypatch.setattr(normals, "PAIRS", 1000)
    vertices, faces = sphere()
    got = corner_normals(vertices, faces, none(faces))
    assert (np.einsum("fki,fki->fk", got, vertices[faces]) > 0.995).all()
    np.testing.assert_allclose(np.linalg.norm(got, axis=-1), 1, atol=1e-6)


def test_given_normals_stay_and_are_made_unit():
    given = none(CUBE)
    given[0, 1] = (0, 3, 4)
    got = corner_normals(CORNERS, CUBE, given)
    np.testing.assert_allclose(got[0, 1], (0, 0.6, 0.8), atol=1e-6)
    np.testing.assert_allclose(got[0, 0], face_normals(CORNERS, CUBE)[0], atol=1e-6)


def test_a_face_without_area_has_a_normal():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]], np.float64)
    faces = np.array([[0, 1, 2]], np.int32)
    assert corner_normals(vertices, faces, none(faces)).tolist() == [[[0, 0, 1]] * 3]


@pytest.mark.parametrize("diagonal", [(1, 2, 3), (-1, 1, 1), (-1, -2, -3)])
def test_normals_move_with_their_faces(diagonal):
    matrix = np.diag(np.array(diagonal, np.float64)) + 0.3 * np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    flat = face_normals(CORNERS, CUBE)
    order = CUBE[:, ::-1] if np.linalg.det(matrix) < 0 else CUBE
    np.testing.assert_allclose(transformed_normals(flat, matrix), face_normals(CORNERS @ matrix.T, order), atol=1e-12)
