"""Triangles of polygons: areas and places that are known."""

import numpy as np
import pytest

from lumina.clouds import polygons
from lumina.clouds.polygons import triangles

ARROW = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]
QUAD = [(0, 0), (2, 1), (4, 0), (2, 4)]
COMB = [(0, 0), (7, 0), (7, 3), (6, 3), (6, 1), (5, 1), (5, 3), (4, 3), (4, 1), (3, 1), (3, 3), (2, 3), (2, 1), (1, 1),
        (1, 3), (0, 3)]  # fmt: skip
RING = [(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1)]  # a square hole, and a bridge
STRAIGHT = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 3), (1, 1)]


def in_space(corners):
    """On a slanted plane."""
    flat = np.array(corners, float)
    return np.stack((flat[:, 0], 0.3 * flat[:, 0] - flat[:, 1], flat[:, 1] + 2), 1)


def area(points):
    return np.linalg.norm(
        np.cross(points[..., 1, :] - points[..., 0, :], points[..., 2, :] - points[..., 0, :]), axis=-1
    )


def shoelace(corners):
    x, y = np.array(corners, float).T
    return abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


def inside(points, corners):
    x, y = points.T
    found = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        crosses = (y0 > y) != (y1 > y)
        found ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0 if y1 != y0 else 1) + x0)
    return found


@pytest.mark.parametrize("corners", [ARROW, QUAD, COMB, RING, STRAIGHT])
@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("backwards", [False, True])
def test_triangles_cover_a_polygon_once(corners, first, backwards):
    turned = (corners[first:] + corners[:first])[:: -1 if backwards else 1]
    found = triangles([range(len(turned))], in_space(turned))
    assert found.shape == (len(turned) - 2, 3)
    flat = np.array(turned, float)[found]
    (ax, ay), (bx, by) = (flat[:, 1] - flat[:, 0]).T, (flat[:, 2] - flat[:, 0]).T
    assert np.abs(ax * by - ay * bx).sum() / 2 == pytest.approx(shoelace(corners))
    middles = flat[area(in_space(turned)[found]) > 1e-9].mean(1)
    assert inside(middles, turned).all()


def test_convex_polygons_become_fans_in_any_mixture():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 2, 0]])
    found = triangles([[0, 1, 2, 3], [3, 2, 4], [0, 1], [0, 1, 2, 4, 3]], vertices)
    assert sorted(found.tolist()) == sorted([[3, 2, 4], [0, 1, 2], [0, 2, 3], [0, 1, 2], [0, 2, 4], [0, 4, 3]])


def test_a_polygon_that_crosses_itself_has_an_end():
    assert len(triangles([range(5)], in_space([(0, 0), (4, 4), (4, 0), (0, 4), (2, 9)]))) == 3


@pytest.mark.parametrize("corner", [-1, 4])
def test_vertices_that_there_are_not_are_named(corner):
    with pytest.raises(ValueError, match=rf"a face names vertex {corner} of 4"):
        triangles([[0, 1, 2, corner]], np.zeros((4, 3)))


def test_polygons_that_would_take_hours_are_refused(monkeypatch):
    monkeypatch.setattr(polygons, "MOST_CORNERS", 4)
    with pytest.raises(ValueError, match=r"5 corners, of which 4 are read.*triangles"):
        triangles([range(5)], in_space(ARROW))
    around = np.arange(8) * np.pi / 4
    assert len(triangles([range(8)], np.stack((np.cos(around), np.sin(around), 0 * around), 1))) == 6  # convex
