"""The image adapter."""

from __future__ import annotations

import pytest
import torch

from lumina.frozen.autoencoders import RandomAutoencoder
from lumina.values import Tokens
from modalities.image import Image


def test_patchify_is_the_permutation_of_the_released_weights():
    picture = torch.arange(2 * 4 * 6.0).view(1, 2, 4, 6)
    tokens = Image(size=(4, 6), channels=2).tokenize(picture, {})
    expected = [
        picture[0, c, 2 * r + i, 2 * w + j] for c in range(2) for i in range(2) for j in range(2) for r, w in [(1, 2)]
    ]
    torch.testing.assert_close(tokens.features[0, 5], torch.stack(expected))
    assert tokens.positions[0].tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert tokens.mask is None


def test_mixed_sizes_are_padded_and_come_back():
    pictures = [torch.rand(3, 4, 6) * 2 - 1, torch.rand(3, 8, 2) * 2 - 1, torch.rand(3, 2, 2) * 2 - 1]
    modality = Image(size=(4, 6))
    tokens = modality.tokenize(pictures, {})
    assert tokens.mask is not None and tokens.mask.sum(1).tolist() == [6, 4, 1]
    for one, other in zip(modality.decode(tokens, {}), pictures, strict=True):
        torch.testing.assert_close(one, other)


def test_a_list_of_one_size_needs_no_mask():
    assert Image(size=(4, 4)).tokenize([torch.rand(3, 4, 4)] * 2, {}).mask is None


def test_latents_of_an_autoencoder():
    modality = Image(size=(32, 64), autoencoder=RandomAutoencoder())
    assert (modality.token_dim, modality.cell) == (16, 16)
    batch = modality.example_batch(2)
    latent = modality.compress(batch)
    assert latent.shape == (2, 4, 4, 8)
    assert modality.decode(modality.tokenize(latent, batch), batch).shape == (2, 3, 32, 64)
    assert not list(modality.parameters()), "the VAE is frozen, outside the module tree"


@pytest.mark.parametrize("size", [(5, 4), (0, 4)])
def test_sizes_that_no_patch_fits(size):
    with pytest.raises(ValueError, match=r"4x4 would fit|2x4 would fit"):
        Image(size=size)
    with pytest.raises(ValueError, match="would fit"):
        Image(size=(4, 4)).layout(1, {"size": size})


def test_wrong_channels():
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\), expected \(3, H, W\)"):
        Image(size=(4, 4)).tokenize(torch.rand(2, 1, 4, 4), {})


def test_decode_reads_sizes_off_the_positions():
    modality = Image(size=(4, 4))
    canvas = modality.layout(2, {"size": (2, 8)})
    assert modality.decode(Tokens(features=canvas.features, positions=canvas.positions), {}).shape == (2, 3, 2, 8)
