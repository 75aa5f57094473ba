from dataclasses import replace

import numpy as np
import pytest
from meshes import cube, sphere
from PIL import Image

from lumina.scenes.normalise import transformed
from lumina.scenes.recording import Recipe, record, shots, stretches, write


def plan(name="chair", distance=3.0, **options):
    recipe = Recipe(**options)
    return [shot for group in range(recipe.groups) for shot in shots(recipe, name, group, distance)]


def angles(shots, role="view"):
    return [(shot.camera.azimuth, shot.camera.elevation) for shot in shots if shot.role == role]


def test_groups_of_views_with_one_elevation_and_a_reference():
    found = plan(groups=3, views=5, elevation=(0.0, 60.0))
    elevations = set()
    for number in range(3):
        group = [shot for shot in found if shot.group == number]
        views, [(azimuth, elevation)] = angles(group), angles(group, "reference")
        assert len(views) == 5 and azimuth == pytest.approx(views[0][0]) and -10 <= elevation <= 45
        assert np.ptp([elevation for _, elevation in views]) < 1e-9 and 0 <= views[0][1] <= 60
        elevations |= {round(views[0][1], 6), round(elevation, 6)}
    assert len(elevations) == 6 and len({shot.stem for shot in found}) == len(found) == 18
    distances = [np.linalg.norm(shot.camera.camera_to_world[:3, 3]) for shot in found]
    assert distances == pytest.approx([3.0] * 18)


def test_seed_and_name_decide():
    assert angles(plan()) == angles(plan()) == angles(plan(elevation=20.0))
    assert all(elevation == pytest.approx(20) for _, elevation in angles(plan()))
    assert angles(plan())[:8] == angles(plan(groups=1))  # more groups leave the first ones as they are
    assert not set(angles(plan())) & {*angles(plan("table")), *angles(plan(seed=1))}


def test_azimuths_are_spread_over_the_circle():
    azimuths = [azimuth for name in range(100) for azimuth, _ in angles(plan(str(name)))]
    counts, _ = np.histogram(azimuths, bins=8, range=(0, 360))
    assert len(azimuths) == 3200 and counts.min() > 340 and counts.max() < 460


def test_even_azimuths():
    found = [azimuth for azimuth, _ in angles(plan(groups=2, azimuths="even"))]
    assert found[:8] == pytest.approx([45 * n for n in range(8)])
    assert found[8:] == pytest.approx([22.5 + 45 * n for n in range(8)])  # between those of the first group


def test_mixed_azimuths():
    found = [azimuth for azimuth, _ in angles(plan(groups=4, azimuths="mixed"))]
    even = [45 * n for n in range(8)]
    assert found[:8] == pytest.approx(even) and found[16:24] == pytest.approx(even)
    random = [azimuth for azimuth, _ in angles(plan(groups=4))]
    assert found[8:16] == random[8:16] and found[24:] == random[24:]
    references = angles(plan(groups=4, azimuths="mixed"), "reference")
    assert references[0][0] == references[2][0] == pytest.approx(0) and references[0][1] != references[2][1]


def test_each_second_pair_of_groups_is_stretched_and_as_large():
    box = sphere(0.5, 8)
    box = replace(box, vertices=box.vertices * (1, 0.5, 0.25))
    found = np.array([stretches(box, Recipe(groups=6, stretch=1.5), str(name)) for name in range(300)])
    assert (found[:, [0, 1, 4, 5]] == 1).all()
    factors = found[:, 2:4].reshape(-1, 3)
    assert (factors * (1, 0.5, 0.25)).max(1) == pytest.approx(np.ones(600))
    ratios = np.log(factors[:, 1] / factors[:, 2]) / np.log(1.5)  # of two uniform numbers
    assert np.abs(ratios).max() <= 2 and abs(ratios.mean()) < 0.1 and ratios.std() == pytest.approx(2 / 6**0.5, rel=0.1)
    assert found[0].tolist() == np.array(stretches(box, Recipe(groups=8, stretch=1.5), "0"))[:6].tolist()
    assert stretches(box, Recipe(groups=3), "0") == [(1, 1, 1)] * 3


def test_a_stretched_object_is_another_mesh_from_the_same_sides():
    pytest.importorskip("open3d")
    recipe = Recipe(groups=3, views=2, size=32, stretch=3.0)
    ball = sphere(0.5, 24)
    factors = stretches(ball, recipe, "ball")[2]
    ellipsoid = transformed(ball, np.diag(factors))
    pictures = [rendering.rgba for shot, rendering in record(ball, recipe, "ball") if shot.group == 2]
    plain = [
        rendering.rgba for shot, rendering in record(ellipsoid, replace(recipe, stretch=1.0), "ball") if shot.group == 2
    ]
    np.testing.assert_allclose(pictures, plain, atol=1e-6)  # shape, shades and distance
    assert min(factors) < 0.8 and np.ptp(ellipsoid.vertices, axis=0).max() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stretch": 0.5}, r"stretch 0\.5: set 1"),
        ({"stretch": 1.5, "groups": 2}, r"stretch 1\.5 and groups 2: set groups to 3 or more"),
        ({"groups": 0}, "groups 0: set 1 to 10,000"),
        ({"rays": -4}, "rays -4"),
        ({"elevation": 95.0}, "elevation 95 to 95: set degrees between -89 and 89"),
        ({"reference_elevation": (45.0, -10.0)}, "reference_elevation 45 to -10: .* the lower one first"),
        ({"elevation": float("nan")}, "elevation nan"),
        ({"field_of_view": 0.0}, "field_of_view 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**options)


def test_what_is_written(tmp_path):
    pytest.importorskip("open3d")
    recipe = Recipe(groups=1, views=1, size=24, depth=True, normals=True)
    views = [write(shot, rendering, recipe, tmp_path) for shot, rendering in record(cube(), recipe, "cube")]
    assert [view.role for view in views] == ["view", "reference"]
    for view in views:
        picture = np.array(Image.open(view.file))
        depth, normals = np.load(view.depth), np.load(view.normals)
        assert picture.shape == (24, 24, 4) and picture.dtype == np.uint8
        assert depth.dtype == np.float32 and normals.dtype == np.float16
        edge = np.concatenate([picture[[0, -1], :, 3].ravel(), picture[:, [0, -1], 3].ravel()])
        assert picture[12, 12, 3] == 255 and not edge.any()  # nothing is cut off
        assert np.isfinite(depth).all() and (depth[picture[..., 3] == 0] == 0).all()
        distance = np.linalg.norm(view.camera.camera_to_world[:3, 3])
        assert distance - 0.87 < depth[12, 12] < distance - 0.5
        assert np.abs(normals[12, 12]).max() == pytest.approx(1, abs=1e-3)
    plain = Recipe(groups=1, views=1, size=24)
    [view, _] = [write(shot, rendering, plain, tmp_path) for shot, rendering in record(cube(), plain, "cube")]
    assert view.depth is None and view.normals is None
