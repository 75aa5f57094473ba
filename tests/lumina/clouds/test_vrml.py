"""VRML scenes: transformations against matrices made another way, and what is refused by name."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lumina.clouds.vrml import read_vrml

POINTS = np.array([[0, 0, 0], [1, 0, 0], [1, 2, 0], [0, 2, 3]], float)
HEAD = "#VRML V2.0 utf8\n"


def faces(points=POINTS, corners="0 1 2 3 -1"):
    rows = ", ".join(" ".join(map(str, point)) for point in points)
    return f"Shape {{ geometry IndexedFaceSet {{ coord Coordinate {{ point [ {rows} ] }} coordIndex [ {corners} ] }} }}"


def vertices(text):
    return read_vrml(HEAD + text)[0]


def test_numbers_in_any_form_and_polygons():
    points = "coord Coordinate { point [0 0 0, 1 0 0, 1 1 0, 0 1 0, 5.e-1 +2. -.5] }"
    found, corners = read_vrml(f"Shape {{ geometry IndexedFaceSet {{ coordIndex [0 1 2 3 -1 3,2,4,-1] {points} }} }}")
    assert sorted(corners.tolist()) == [[0, 1, 2], [0, 2, 3], [3, 2, 4]]
    assert found[4].tolist() == [0.5, 2, -0.5]


def test_comments_are_no_numbers_and_texts_no_comments():
    text = f'WorldInfo {{ title "# 1 2 3 [ {{" }} {faces()}'.replace("point [", "point [ # 8 points, -1 1\n")
    np.testing.assert_array_equal(vertices(text.replace("coordIndex [", "coordIndex [ # 6 faces\n")), POINTS)


def test_a_transform_is_applied_whole():
    axis, skew = np.array([1.0, 2, 2]) / 3, np.array([0, 0.6, 0.8])
    scale, centre, shift = np.array([1.0, 2, 0.5]), np.array([1.0, -1, 2]), np.array([5.0, 6, 7])
    fields = "rotation 1 2 2 0.7 scaleOrientation 0 0.6 0.8 -0.4 scale 1 2 .5 center 1 -1 2 translation 5 6 7"
    turn, lean = Rotation.from_rotvec(0.7 * axis), Rotation.from_rotvec(-0.4 * skew)
    expected = turn.apply(lean.apply(lean.inv().apply(POINTS - centre) * scale)) + centre + shift
    np.testing.assert_allclose(vertices(f"Transform {{ {fields} children [ {faces()} ] }}"), expected, atol=1e-12)


def test_transforms_nest_and_named_nodes_stand_where_they_are_used():
    text = (
        f"DEF A Transform {{ translation 5 0 0 children Group {{ children [ DEF B {faces()} ] }} }}\n"
        "Transform { scale 2 2 2 children [ USE A, Transform { translation 0 1 0 children [ USE B ] } ] }"
    )
    right, up = np.array([5, 0, 0]), np.array([0, 1, 0])
    expected = np.concatenate((POINTS + right, 2 * (POINTS + right), 2 * (POINTS + up)))
    np.testing.assert_allclose(vertices(text), expected)


def test_coordinates_are_shared_and_faces_numbered_on():
    text = faces().replace("coord Coordinate", "coord DEF C Coordinate")
    others = "texCoord TextureCoordinate { point [0 0] } coordIndex [0 1 2]"
    text += f" Shape {{ geometry IndexedFaceSet {{ coord USE C {others} }} }}"
    found, corners = read_vrml(HEAD + text)
    assert len(found) == 8 and corners[-1].tolist() == [4, 5, 6]


def test_the_finest_level_and_the_chosen_child_are_shown():
    other = faces(POINTS + 100)
    assert vertices(f"LOD {{ range [ 5 ] level [ {faces()} {other} ] }}").max() < 100
    assert vertices(f"Switch {{ whichChoice 1 choice [ {other} {faces()} ] }}").max() < 100


@pytest.mark.parametrize("line", ["IndexedLineSet { coordIndex [ 0 1 -1 ] }", "PointSet { }"])
def test_lines_and_points_have_no_area(line):
    np.testing.assert_array_equal(vertices(f"Shape {{ geometry {line} }} {faces()} ROUTE A.b TO C.d"), POINTS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Shape { geometry Box { size 1 1 1 } }", "a Box, which is not read"),
        (f"Inline {{ url \"a.wrl\" }} {faces()}", "a node Inline, which is not read"),
        (f"PROTO P [ ] {{ }} {faces()}", "a node PROTO, which is not read"),
        ("Transform { children [ USE A ] }", "uses A, which it does not define before"),
        (f"DEF A Group {{ children [ USE A {faces()} ] }}", "uses A, which it does not define before"),
        (faces()[:-4], "cut off"),
        (faces(corners="0 1 9 -1"), "a face names vertex 9 of 4"),
        (faces(corners=""), "without points or without faces"),
        ("Group { }", "no IndexedFaceSet"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named(text, reason):
    with pytest.raises(ValueError, match=reason):
        read_vrml(HEAD + text)


def test_the_first_version_is_named():
    with pytest.raises(ValueError, match="VRML 1"):
        read_vrml("#VRML V1.0 ascii\nSeparator { }")


def test_a_few_lines_cannot_name_endless_shapes():
    doubled = "".join(f"DEF N{k} Group {{ children [ USE N{k - 1} USE N{k - 1} ] }}\n" for k in range(1, 40))
    with pytest.raises(ValueError, match="more than 1,000,000 nodes"):
        read_vrml(f"{HEAD}DEF N0 Group {{ }}\n{doubled}")
