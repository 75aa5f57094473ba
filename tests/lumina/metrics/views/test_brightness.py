"""A view of other exposure is found, and what only looks like one is not."""

import pytest
import torch
from tiny_scenes import item, ring, see

from lumina.metrics.views.brightness import brightness_apart, unequal_light

EVEN = range(0, 360, 45)


def exposed(pictures, factors):
    return (pictures + 1) * torch.as_tensor(factors).view(-1, 1, 1, 1) - 1


@pytest.fixture(scope="module")
def seen():
    return see(ring(EVEN))


def test_views_of_one_light_are_alike(seen):
    assert brightness_apart(seen.pictures, seen.masks, ring(EVEN)).max() < 1.1


@pytest.mark.parametrize("factor", [0.6, 1.5])
@pytest.mark.parametrize("view", [0, 3])
def test_a_view_of_other_exposure_is_apart_by_its_factor(seen, view, factor):
    factors = torch.ones(8)
    factors[view] = factor
    apart = brightness_apart(exposed(seen.pictures, factors), seen.masks, ring(EVEN))
    assert apart[view] == pytest.approx(max(factor, 1 / factor), rel=0.1)
    assert apart.argmax() == view


def test_the_order_of_views_does_not_matter(seen):
    order = torch.tensor([5, 2, 7, 0, 3, 1, 6, 4])
    pictures = exposed(seen.pictures, [1, 1, 0.6, 1, 1, 1, 1, 1])
    apart = brightness_apart(pictures[order], seen.masks[order], ring([EVEN[place] for place in order]))
    assert apart.argmax() == 1
    assert torch.allclose(apart, brightness_apart(pictures, seen.masks, ring(EVEN))[order], rtol=1e-3)


def test_views_between_a_darker_and_a_brighter_one_are_not_apart(seen):
    apart = brightness_apart(exposed(seen.pictures, torch.linspace(0.4, 1, 8)), seen.masks, ring(EVEN))
    assert (apart[1:-1] == 1).all()


@pytest.mark.parametrize("azimuths", [[0], [0, 180], [0, 90, 180, 270]])
def test_views_too_far_apart_are_not_compared(azimuths):
    far = see(ring(azimuths))
    pictures = exposed(far.pictures, [0.5] + [1] * (len(azimuths) - 1))
    assert (brightness_apart(pictures, far.masks, ring(azimuths)) == 1).all()


def dark(one):
    return {**one, "views": exposed(one["views"], [1, 1, 0.5, 1, 1, 1, 1, 1])}


def test_a_line_tells_objects_of_unequal_light():
    objects = [item(number, size=64) for number in range(6)]
    assert not list(unequal_light(objects))
    (line,) = unequal_light([*objects[:4], *map(dark, objects[4:])])
    assert line.startswith("unequal light: of 2 of 6 objects looked at a view is brighter or darker")
    assert "a factor of up to 2.0" in line


def test_pictures_without_silhouettes_are_not_compared():
    opaque = dark(item(0, size=64))
    assert not list(unequal_light([{**opaque, "alpha": torch.ones_like(opaque["alpha"])}]))
    assert not list(unequal_light([]))
