"""Points are even by area; meshes without any are refused."""

from __future__ import annotations

import numpy as np
import pytest

from lumina.clouds.surface import sample_surface
from lumina.errors import CorruptSample

trimesh = pytest.importorskip("trimesh")


BOX = (1.0, 2.0, 4.0)


def box():
    return trimesh.creation.box(BOX)


def test_points_are_even_by_area():
    mesh = box()
    points = sample_surface(mesh.vertices, mesh.faces, 40_000, "box")
    for axis, side in enumerate(BOX):
        area = np.prod([other for place, other in enumerate(BOX) if place != axis])
        share = (np.abs(np.abs(points[:, axis]) - side / 2) < 1e-6).mean()
        assert share == pytest.approx(2 * area / mesh.area, abs=0.01)


def test_what_has_no_surface_is_named():
    corners = np.eye(3)
    cases = {
        "without any area": (corners, np.array([[0, 0, 1]])),
        "a face names vertex 3 of 3": (corners, np.array([[0, 1, 3]])),
        "NaN or infinite": (np.where(corners > 0, np.nan, corners), np.array([[0, 1, 2]])),
    }
    for reason, (vertices, faces) in cases.items():
        with pytest.raises(CorruptSample, match=f"mesh.obj: .*{reason}"):
            sample_surface(vertices, faces, 10, "mesh.obj")
