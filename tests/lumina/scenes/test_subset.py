from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lumina.scenes.cameras import Camera
from lumina.scenes.subset import choose
from lumina.scenes.views import View, ViewSet


def views(azimuths, group=0, role="view", elevation=20.0):
    cameras = [Camera.around(azimuth, elevation, 2.0, 40.0, (8, 8)) for azimuth in azimuths]
    return [
        View(file=Path(f"{role}{group}_{number}.png"), camera=camera, group=group, role=role)
        for number, camera in enumerate(cameras)
    ]


def a_set(*parts):
    return ViewSet(name="a", caption="", views=tuple(view for part in parts for view in part))


def drawn(view_set, count, reference, number=50):
    return [choose(view_set, count, reference, torch.Generator().manual_seed(seed)) for seed in range(number)]


ONE = a_set(views([10, 100, 190, 350]))
BOTH = a_set(
    views([10, 100, 190, 350]), views([190], role="reference"), views([5, 50, 95, 275], 1), views([50], 1, "reference")
)


def test_without_a_generator_the_first_views():
    subset = choose(ONE, (2, 3), "none")
    assert [view.file.name for view in subset.views] == ["view0_0.png", "view0_1.png", "view0_2.png"]
    assert subset.reference is None
    assert subset.azimuths == pytest.approx((0, 90, 180))


def test_any_view_comes_first_and_azimuths_count_from_it():
    subsets = drawn(ONE, (3, 3), "none")
    assert {subset.views[0].file.name for subset in subsets} == {view.file.name for view in ONE.views}
    for subset in subsets:
        assert subset.azimuths[0] == 0
        assert len({view.file for view in subset.views}) == 3
        for view, azimuth in zip(subset.views, subset.azimuths, strict=True):
            assert (view.camera.azimuth - subset.views[0].camera.azimuth - azimuth) % 360 == pytest.approx(0, abs=1e-6)
            assert 0 <= azimuth < 360


def test_numbers_of_views_are_drawn():
    assert {len(subset.views) for subset in drawn(ONE, (2, 9), "none")} == {2, 3, 4}


@pytest.mark.parametrize("generator", [None, torch.Generator().manual_seed(3)])
def test_view_1_is_at_the_azimuth_of_the_group_reference(generator):
    for _ in range(20):
        subset = choose(BOTH, (2, 2), "own", generator)
        assert subset.reference is not None and subset.reference.role == "reference"
        assert {view.group for view in subset.views} == {subset.reference.group}
        assert subset.views[0].camera.azimuth == pytest.approx(subset.reference.camera.azimuth)
        assert subset.azimuths[0] == 0


def test_every_group_is_drawn_in_training_and_the_first_otherwise():
    assert {subset.views[0].group for subset in drawn(BOTH, (2, 2), "own")} == {0, 1}
    assert choose(BOTH, (2, 2), "own").views[0].group == 0


@pytest.mark.parametrize(("view_set", "reference"), [(ONE, "own"), (ONE, "random"), (BOTH, "random")])
def test_another_view_serves_as_the_reference_and_azimuths_count_from_it(view_set, reference):
    for subset in drawn(view_set, (2, 3), reference):
        assert subset.reference is not None
        assert subset.reference.file not in {view.file for view in subset.views}
        for view, azimuth in zip(subset.views, subset.azimuths, strict=True):
            start = subset.reference.camera.azimuth
            assert (view.camera.azimuth - start - azimuth) % 360 == pytest.approx(0, abs=1e-6)


def test_a_reference_at_another_azimuth_than_all_views_is_what_azimuths_count_from():
    apart = a_set(views([10, 100]), views([40], role="reference"))
    assert choose(apart, (2, 2), "own").azimuths == pytest.approx((330, 60))


def test_turning_the_object_changes_nothing():
    def turned(view):
        azimuth = view.camera.azimuth + 77
        return replace(view, camera=Camera.around(azimuth, view.camera.elevation, 2.0, 40.0, (8, 8)))

    other = replace(BOTH, views=tuple(map(turned, BOTH.views)))
    for one, two in zip(drawn(BOTH, (2, 4), "own"), drawn(other, (2, 4), "own"), strict=True):
        assert one.azimuths == pytest.approx(two.azimuths)


def test_groups_with_too_few_views_are_left_alone():
    view_set = a_set(views([10]), views([20, 30, 40], 1))
    assert {subset.views[0].group for subset in drawn(view_set, (2, 4), "none")} == {1}


def test_too_few_views():
    with pytest.raises(ValueError, match=r"largest group has 4 views, but data\.views asks for 5"):
        choose(ONE, (5, 5), "none")
    with pytest.raises(ValueError, match="none is left as the reference"):
        choose(ONE, (4, 4), "own")


def test_a_random_reference_is_of_the_same_shape():
    groups = [views((0, 90), group) for group in range(4)]
    stretched = replace(a_set(*groups), about={"stretches": [[1, 1, 1], [1, 1, 1], [1, 0.5, 1], [1, 0.7, 1]]})
    for subset in drawn(stretched, (1, 1), "random", 200):
        one, other = subset.views[0].group, subset.reference.group
        assert one == other or {one, other} == {0, 1}
    with pytest.raises(ValueError, match="none is left as the reference"):
        drawn(replace(stretched, views=tuple(groups[2])), (2, 2), "random", 1)
