"""What networks take, and the Gaussian that an encoder puts out."""

import pytest
import torch

from lumina.autoencoders.moments import cut, deviation, split


def test_moments_are_split_and_the_variance_clamped():
    moments = torch.stack([torch.tensor([1.0, 2.0]), torch.tensor([-100.0, 100.0])])[None]
    posterior = split(moments)
    assert posterior.mean.tolist() == [[[1.0, 2.0]]]
    assert posterior.logvar.tolist() == [[[-30.0, 20.0]]]


def test_samples_have_the_mean_and_the_variance():
    moments = torch.cat([torch.full((1, 1, 50_000), 3.0), torch.full((1, 1, 50_000), 2.0).log()], dim=1)
    drawn = split(moments).sample(torch.Generator().manual_seed(0))
    assert abs(float(drawn.mean()) - 3) < 0.03 and abs(float(drawn.var()) - 2) < 0.05
    assert torch.equal(drawn, split(moments).sample(torch.Generator().manual_seed(0)))


def test_every_axis_is_cut_to_a_multiple_of_the_factor():
    data = torch.randn(2, 3, 9, 12)
    assert torch.equal(cut(data, 3, 4), data[:, :, :8])
    assert torch.equal(cut(data[..., 0], 3, 1), data[..., 0])
    with pytest.raises(ValueError, match=r"pictures .* with 3 channels and sides of at least 16, got .2, 3, 9, 12"):
        cut(data, 3, 16)
    with pytest.raises(ValueError, match=r"mel spectrograms .* with 80 bands and sides of at least 2, got .2, 3, 9."):
        cut(data[..., 0], 80, 2)


def test_a_silent_band_is_not_blown_up():
    assert deviation(torch.tensor([0.0, 2.0])).tolist() == [pytest.approx(0.1), 2.0]
