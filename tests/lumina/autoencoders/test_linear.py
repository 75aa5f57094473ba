"""The linear autoencoder: exact where the data is as simple as it is."""

import pytest
import torch

from lumina.autoencoders.linear import LinearPath


def test_data_of_few_components_comes_back_exactly_with_unit_latents():
    sources, mixing = torch.randn(400, 3), torch.randn(3, 5 * 4)
    mel = (sources @ mixing).view(10, 40, 5, 4).permute(0, 2, 1, 3).flatten(2)
    path = LinearPath(bands=5, channels=3, factor=4)
    path.fit([(mel, None)])
    latents = path.encode(mel)
    assert latents.shape == (10, 3, 40)
    torch.testing.assert_close(latents.transpose(0, 1).flatten(1).cov(correction=0), torch.eye(3), rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        centred = mel - path.synthesis.bias[:, None]
    assert (path.decode(latents) - mel).std() < 0.2 * centred.std(), "all but the mean of each frame of a block"


def test_what_is_not_real_is_not_seen():
    one, other, mel = LinearPath(4, 2, 2), LinearPath(4, 2, 2), torch.randn(3, 4, 9)
    mask = torch.arange(9) < torch.tensor([[9], [5], [0]])
    one.fit([(mel, mask)])
    other.fit([(mel.masked_fill(~mask[:, None], 99.0), mask)])
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    alone = LinearPath(4, 2, 2)
    alone.fit([(mel[:1, :, :8], None), (mel[1:2, :, :4], None)])
    for a, b in zip(one.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(a.abs(), b.abs(), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="no 2 real frames in a row"):
        one.fit([(mel[2:], mask[2:])])


def test_a_component_that_hardly_varies_is_not_blown_up():
    path = LinearPath(4, 2, 2)
    path.fit([(torch.zeros(1, 4, 8), None)])
    assert path.analysis.weight.abs().max() <= 20.001
