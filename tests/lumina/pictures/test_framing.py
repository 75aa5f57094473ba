"""Views of pictures, against torchvision and by what they must keep."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from lumina.pictures.framing import CentreCrop, RandomResizedCrop
from lumina.randomness import Purpose, keyed_generator

SIZES = [(300, 200), (200, 333), (31, 57), (224, 224), (500, 501)]


def photo(width, height, seed=0):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def ramp(width, height):
    """Red tells the column, green the row."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 0 * x], 2).round().astype(np.uint8))


@pytest.mark.parametrize("share", [0.875, 1.0])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_centre_crop_is_torchvisions(width, height, share):
    transforms = pytest.importorskip("torchvision.transforms")
    bicubic = transforms.InterpolationMode.BICUBIC
    expected = transforms.Compose([transforms.Resize(int(64 / share), bicubic), transforms.CenterCrop(64)])
    image = photo(width, height)
    seen = CentreCrop(64, share).apply(image)
    assert seen.size == (64, 64)
    difference = np.abs(np.asarray(seen).astype(int) - np.asarray(expected(image)).astype(int))
    assert difference.max() <= 1 and difference.mean() < 0.01


def test_centre_crop_of_a_line_needs_no_huge_picture():
    assert CentreCrop(224).apply(photo(1, 40_000)).size == (224, 224)
    assert CentreCrop(224).apply(photo(40_000, 1)).size == (224, 224)


def test_random_crops_have_the_areas_and_aspects_asked_for():
    view = RandomResizedCrop(8, (0.2, 0.5), (0.5, 2.0))
    boxes = [view._draw(320, 240, keyed_generator(Purpose.AUGMENTATION, i)) for i in range(500)]
    wide, high = (np.array([box[k + 2] - box[k] for box in boxes if box]) for k in (0, 1))
    area, aspect = wide * high / (320 * 240), wide / high
    assert len(wide) > 450
    assert area.min() > 0.195 and area.max() < 0.505 and abs(area.mean() - 0.35) < 0.02
    assert aspect.min() > 0.49 and aspect.max() < 2.04
    assert all(0 <= left and 0 <= top and right <= 320 and bottom <= 240 for left, top, right, bottom in boxes)


def test_random_crops_are_those_of_their_generator():
    view, image = RandomResizedCrop(32), photo(100, 80)
    once, again, other = (view.apply(image, keyed_generator(Purpose.AUGMENTATION, i)).tobytes() for i in (1, 1, 2))
    assert once == again != other


def test_without_a_generator_the_crop_is_central_and_as_large_as_may_be():
    seen = np.asarray(RandomResizedCrop(50, ratio=(1.0, 1.0)).apply(ramp(200, 100)))
    assert abs(int(seen[25, 0, 0]) - 64) <= 2 and abs(int(seen[25, -1, 0]) - 191) <= 2
    assert seen[0, 25, 1] <= 2 and seen[-1, 25, 1] >= 253


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 900), (900, 1), (4000, 30)])
def test_any_shape_becomes_the_square(width, height):
    for view in (RandomResizedCrop(16), CentreCrop(16)):
        assert view.size(height, width) == (16, 16) and view.fixed
        for generator in (None, torch.Generator().manual_seed(0)):
            assert view.apply(photo(width, height), generator).size == (16, 16)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CentreCrop(0),
        lambda: CentreCrop(8, 0.0),
        lambda: CentreCrop(8, 1.1),
        lambda: RandomResizedCrop(0),
        lambda: RandomResizedCrop(8, (0.5, 0.1)),
        lambda: RandomResizedCrop(8, ratio=(0.0, 1.0)),
    ],
)
def test_impossible_requests_are_named(make):
    with pytest.raises(ValueError, match="set 1 pixel or more"):
        make()
