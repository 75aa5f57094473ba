"""PSNR and SSIM of pictures, whole and in the silhouette."""

import math

import pytest
import torch

from lumina.metrics.views.similarity import MEASURES, psnr_in_mask, similarity


def scores(pictures, true, masks):
    return [dict(zip(MEASURES, row, strict=True)) for row in similarity(pictures, true, masks).tolist()]


def test_psnr_is_that_of_the_mean_squared_error_of_each_picture():
    true = torch.rand(2, 3, 16, 16) * 0.5
    masks = torch.zeros(2, 16, 16, dtype=torch.bool)
    masks[:, :4] = True
    pictures = true.clone()
    pictures[0] += 0.1
    pictures[1, :, :4] += 0.2  # a quarter of the picture
    found = scores(pictures, true, masks)
    assert found[0]["psnr"] == pytest.approx(20, abs=1e-4)
    assert found[0]["psnr_in_mask"] == pytest.approx(20, abs=1e-4)
    assert found[1]["psnr"] == pytest.approx(-10 * math.log10(0.04 / 4), abs=1e-4)
    assert found[1]["psnr_in_mask"] == pytest.approx(-10 * math.log10(0.04), abs=1e-4)
    assert psnr_in_mask(pictures, true, masks).tolist() == [one["psnr_in_mask"] for one in found]


def test_equal_pictures_have_the_score_of_rounding_to_8_bits():
    true = torch.rand(1, 3, 16, 16)
    (found,) = scores(true, true, torch.ones(1, 16, 16, dtype=torch.bool))
    assert found == pytest.approx({"psnr": 58.92, "psnr_in_mask": 58.92, "ssim": 1, "ssim_in_mask": 1}, abs=0.01)
    fine = torch.rand(1, 3, 512, 512)
    (rounded,) = scores((255 * fine).round() / 255, fine, torch.ones(1, 512, 512, dtype=torch.bool))
    assert rounded["psnr"] == pytest.approx(58.92, abs=0.05)


def test_an_empty_silhouette_has_no_score():
    true = torch.rand(2, 3, 16, 16)
    masks = torch.tensor([True, False])[:, None, None].expand(2, 16, 16)
    _, found = scores(true * 0.9, true, masks)
    assert math.isfinite(found["psnr"])
    assert math.isnan(found["psnr_in_mask"])
    assert math.isnan(found["ssim_in_mask"])


def test_the_range_of_ssim_is_one_whatever_the_pictures_hold():
    """Of flat pictures: (2ab + c) / (a^2 + b^2 + c), with c = 0.01^2."""
    one, other = torch.full((1, 3, 16, 16), 0.2), torch.full((1, 3, 16, 16), 0.3)
    (found,) = scores(one, other, torch.ones(1, 16, 16, dtype=torch.bool))
    expected = (2 * 0.2 * 0.3 + 1e-4) / (0.2**2 + 0.3**2 + 1e-4)
    assert found["ssim"] == pytest.approx(expected, abs=1e-3)
    assert found["ssim_in_mask"] == pytest.approx(expected, abs=1e-3)


def test_ssim_inside_is_the_mean_of_the_map_inside():
    true = torch.rand(1, 3, 32, 32)
    pictures = true.clone()
    pictures[..., :12] = 0.5
    masks = torch.zeros(1, 32, 32, dtype=torch.bool)
    masks[..., 20:] = True
    (found,) = scores(pictures, true, masks)
    assert found["ssim"] < 0.8
    assert found["ssim_in_mask"] == pytest.approx(1, abs=1e-3)
