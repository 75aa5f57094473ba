"""OBJ and OFF in the forms in which they come."""

import pytest

from lumina.clouds.text_meshes import read_obj, read_off

SQUARE = "v 0 0 0\nv 2 0 0 1 0 0\nv 2 2 0\nv 0 2 0\n"


def test_groups_relative_numbers_and_continued_lines():
    text = f"mtllib none.mtl\no one\n{SQUARE}vt 0 0\ng a b\nusemtl red\nf 1/1/1 2//1 \\\n 3/1 4\n"
    text += "o two\nv 9 9 9 # far\nv 9 9 8\nf -1 -2 1\nl 1 2\n"
    vertices, faces = read_obj(text)
    assert vertices[1].tolist() == [2, 0, 0] and len(vertices) == 6
    assert sorted(faces.tolist()) == [[0, 1, 2], [0, 2, 3], [5, 4, 0]]


def test_vertices_alone_are_a_cloud():
    assert read_obj(SQUARE)[1] is None
    assert read_off("OFF 2 0 0\n0 0 0\n1 1 1\n")[1] is None


@pytest.mark.parametrize("head", ["OFF\n", "OFF ", "# a box\nCOFF\n", "NOFF # normals\n", "STOFF\n"])
def test_off_with_comments_and_colours(head):
    text = (
        f"{head}4 1 0 # counts\n\n0 0 0 255 0 0\n2 0 0 0 1 0 # red\n2 2 0 0 0 0\n0 2 0 0 0 0\n4 0 1 2 3 0.5 0.5 0.5\n"
    )
    vertices, faces = read_off(text)
    assert vertices[1].tolist() == [2, 0, 0]
    assert faces.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (read_obj, f"{SQUARE}f 0 1 2\n", "vertex 0, but OBJ counts from 1"),
        (read_obj, f"{SQUARE}f 1 2 9\n", "vertex 8 of 4"),
        (read_obj, f"{SQUARE}f -9 1 2\n", "a face names vertex"),
        (read_obj, "f 1 2 3\n", "no vertices"),
        (read_off, "OFF\n9 9 0\n0 0 0\n", "announces 9 vertices and 9 faces, but has 1 lines"),
        (read_off, "OFF BINARY\n", "or is binary"),
        (read_off, "4OFF\n", "begins with neither"),
        (read_off, "OFF\n", "cut off"),
    ],
)
def test_damage_is_named(read, text, reason):
    with pytest.raises(ValueError, match=reason):
        read(text)
