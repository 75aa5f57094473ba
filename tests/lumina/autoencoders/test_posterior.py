"""The Gaussian that an encoder puts out."""

import torch

from lumina.autoencoders.posterior import split


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
