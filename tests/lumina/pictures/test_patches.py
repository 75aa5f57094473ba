"""Cutting pictures into patches."""

from __future__ import annotations

import pytest
import torch

from lumina.pictures import patches


@pytest.mark.parametrize("shape", [(3, 8, 12), (2, 3, 8, 12), (2, 5, 1, 8, 12)])
def test_putting_together_undoes_cutting(shape):
    pictures = torch.randn(shape)
    cut = patches.cut(pictures, 4)
    assert cut.shape == (*shape[:-3], 6, shape[-3] * 16)
    assert torch.equal(patches.put_together(cut, 2, 3, 4), pictures)


def test_features_and_patches_have_their_order():
    """Compared with unfold, which cuts in the same order."""
    pictures = torch.randn(2, 3, 4, 6)
    expected = torch.nn.functional.unfold(pictures, 2, stride=2).transpose(1, 2)
    assert torch.equal(patches.cut(pictures, 2), expected)
    assert patches.raster(2, 3, torch.device("cpu")).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


def test_sizes_that_cannot_be_cut_are_refused():
    assert patches.grid((16, 32), 2, 8) == (1, 2)
    with pytest.raises(ValueError, match=r"image size 24x64 .* 16 pixels .*patch_size 2 x VAE factor 8.*; 32x64 would"):
        patches.grid((24, 64), 2, 8)
    with pytest.raises(ValueError, match=r"image size 5x0 .* \(patch_size 2\); 4x2 would fit"):
        patches.grid((5, 0), 2, None)
    with pytest.raises(ValueError, match=r"shape \(1, 4, 6\), expected \(3, H, W\)"):
        patches.check_shape(torch.zeros(2, 1, 4, 6), 3, 2)
