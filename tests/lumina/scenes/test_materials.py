import numpy as np
import pytest

from lumina.scenes.materials import MaterialTable
from lumina.scenes.mesh import Material

WHITE = (1.0, 1.0, 1.0, 1.0)


def by_hand(texture, u, v):
    """Bilinear, wrapped, one channel after another."""
    height, width, _ = texture.shape
    x, y = u * width - 0.5, (1 - v) * height - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    right, low = x - left, y - top
    total = np.zeros(4)
    for row, near in ((top, 1 - low), (top + 1, low)):
        for column, close in ((left, 1 - right), (left + 1, right)):
            total += near * close * texture[row % height, column % width] / 255
    return total


def noise(height, width, seed=0):
    texture = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    texture[..., 3] = 255
    return texture


def test_bilinear_and_wrapped_as_by_hand():
    textures = noise(3, 5), noise(4, 2, seed=1)
    table = MaterialTable([Material(colour=WHITE, texture=textures[0]), Material(colour=WHITE, texture=textures[1])])
    uv = np.random.default_rng(2).uniform(-3, 3, (200, 2)).astype(np.float32)
    material = np.arange(200) % 2
    expected = [by_hand(textures[which], *point) for which, point in zip(material, uv.astype(float), strict=True)]
    np.testing.assert_allclose(table.colours(material, uv, np.ones(200, np.float32)), expected, atol=2e-5)


def test_row_0_is_at_the_top():
    texture = np.zeros((2, 1, 4), np.uint8)
    texture[0], texture[1] = (255, 0, 0, 255), (0, 0, 255, 255)
    uv = np.array([(0.5, 0.75), (0.5, 0.25)], np.float32)
    colours = MaterialTable([Material(colour=WHITE, texture=texture)]).colours(np.zeros(2, int), uv, np.ones(2))
    np.testing.assert_allclose(colours, [(1, 0, 0, 1), (0, 0, 1, 1)], atol=1e-6)


def test_the_factor_multiplies():
    material = Material(colour=(0.5, 0.25, 1, 0.5), texture=np.full((1, 1, 4), 255, np.uint8), alpha="blend")
    plain = Material(colour=(0.1, 0.2, 0.3, 1))
    colours = MaterialTable([material, plain]).colours(np.array([0, 1, 0]), np.zeros((3, 2), np.float32), np.ones(3))
    np.testing.assert_allclose(colours, [material.colour, plain.colour, material.colour], atol=1e-6)


@pytest.mark.parametrize("alpha", ["mask", "blend"])
def test_the_colour_of_clear_texels_does_not_bleed(alpha):
    texture = np.zeros((1, 2, 4), np.uint8)
    texture[0, 0] = (255, 0, 0, 255)  # beside a clear black one
    uv = np.array([(0.5, 0.5)], np.float32)
    colours = MaterialTable([Material(colour=WHITE, texture=texture, alpha=alpha)]).colours(
        np.zeros(1, int), uv, np.ones(1)
    )
    np.testing.assert_allclose(colours, [(1, 0, 0, 0.5)], atol=1e-6)


def test_opaque_ignores_the_alpha_of_the_texture():
    texture = np.array([[(10, 20, 30, 0), (10, 20, 30, 0)]], np.uint8)
    table = MaterialTable([Material(colour=(1, 1, 1, 0.3), texture=texture)])
    colours = table.colours(np.zeros(1, int), np.array([(0.5, 0.5)], np.float32), np.ones(1))
    np.testing.assert_allclose(colours[:, :3] * 255, [(10, 20, 30)], atol=1e-3)
    assert table.alphas(np.zeros(1, int), colours[:, 3]).tolist() == [1]


def test_masks_are_kept_or_not_and_blends_mix():
    table = MaterialTable([Material(alpha="mask", cutoff=0.25), Material(alpha="blend")])
    alpha = np.array([0.2, 0.25, 0.9, 0.2, 1.5], np.float32)
    np.testing.assert_allclose(table.alphas(np.array([0, 0, 0, 1, 1]), alpha), [0, 1, 1, 0.2, 1])


def test_far_points_see_the_mean_of_texels():
    """Two texels apart they see means of 2 by 2, and in the end the mean of the whole texture."""
    texture = noise(8, 4)
    table = MaterialTable([Material(colour=WHITE, texture=texture)])
    uv = np.array([(0.25, 0.75)] * 4, np.float32)  # the middle of a quarter
    seen = table.colours(np.zeros(4, int), uv, np.array([0, 1.99, 2, 1000], np.float32))
    sharp = by_hand(texture, 0.25, 0.75)
    half = texture.reshape(4, 2, 2, 2, 4).mean((1, 3))
    expected = [sharp, sharp, by_hand(half, 0.25, 0.75), texture.mean((0, 1)) / 255]
    np.testing.assert_allclose(seen, expected, atol=2 / 255)


def test_clear_texels_lend_no_colour_from_far():
    texture = np.zeros((2, 2, 4), np.uint8)
    texture[0, 0] = (255, 128, 0, 255)
    table = MaterialTable([Material(colour=WHITE, texture=texture, alpha="blend")])
    seen = table.colours(np.zeros(1, int), np.zeros((1, 2), np.float32), np.array([2], np.float32))
    np.testing.assert_allclose(seen, [(1, 0.5, 0, 0.25)], atol=0.02)
