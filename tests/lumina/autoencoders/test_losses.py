"""Reconstruction and KL losses in closed form, over what is real alone."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from lumina.autoencoders.losses import (
    EdgeReconstruction,
    Reconstruction,
    SquaredReconstruction,
    kl,
    latent_mask,
    masked_mean,
)
from lumina.values import Posterior

MASK = torch.arange(6) < torch.tensor([[6], [3], [0]])


def posterior(*shape):
    return Posterior(mean=torch.randn(shape), logvar=torch.randn(shape))


def test_kl_is_that_of_two_gaussians():
    p = posterior(2, 3, 5)
    expected = kl_divergence(Normal(p.mean, (p.logvar / 2).exp()), Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(kl(p), expected)
    pictures = posterior(2, 3, 4, 5)
    expected = kl_divergence(Normal(pictures.mean, (pictures.logvar / 2).exp()), Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(kl(pictures), expected)
    assert float(kl(Posterior(mean=torch.zeros(1, 1, 2), logvar=torch.zeros(1, 1, 2)))) == 0


def test_masked_frames_change_no_loss_and_get_no_gradient():
    output, data = torch.randn(3, 4, 6, requires_grad=True), torch.randn(3, 4, 6)
    loss = Reconstruction()(output, data, MASK)
    expected = torch.cat([(output - data)[0].abs().flatten(), (output - data)[1, :, :3].abs().flatten()]).mean()
    torch.testing.assert_close(loss, expected)
    (gradient,) = torch.autograd.grad(loss, output)
    assert gradient[0].all() and gradient[1, :, :3].all() and not gradient[1, :, 3:].any() and not gradient[2].any()
    p = posterior(3, 2, 6)
    noisy = Posterior(mean=p.mean + ~MASK[:, None] * 9, logvar=p.logvar - ~MASK[:, None] * 9)
    assert torch.equal(kl(p, MASK), kl(noisy, MASK))
    assert not torch.equal(kl(p), kl(noisy))


def test_without_anything_real_the_loss_is_zero():
    assert float(masked_mean(torch.randn(2, 3, 4), torch.zeros(2, 4, dtype=torch.bool))) == 0


def test_the_learned_scale_is_the_mean_difference_where_the_loss_is_least():
    loss, output, data = Reconstruction(learn_scale=True), torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    assert torch.equal(loss(output, data), Reconstruction()(output, data))
    assert len(list(Reconstruction().parameters())) == 0
    difference = float((output - data).abs().mean())
    with torch.no_grad():
        loss.logvar.fill_(math.log(difference))
    least = loss(output, data)
    least.backward()
    assert abs(float(loss.logvar.grad)) < 1e-6
    assert abs(float(least.detach()) - (1 + math.log(difference))) < 1e-6


@pytest.mark.parametrize(("factor", "real"), [(1, [6, 3, 0]), (2, [3, 2, 0]), (4, [1, 1, 0])])
def test_a_latent_is_real_where_any_of_its_frames_is(factor, real):
    mask = latent_mask(MASK, factor)
    assert mask.shape == (3, 6 // factor) and mask.sum(1).tolist() == real
    assert latent_mask(None, factor) is None


def test_edges_count_at_every_scale():
    data = torch.zeros(1, 1, 4, 4)
    step = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 1, 4, 4)  # one edge down the middle
    plain, edges = 0.5, 1 / 3
    assert float(EdgeReconstruction(scales=0)(step, data)) == pytest.approx(plain)
    assert float(EdgeReconstruction(scales=1)(step, data)) == pytest.approx(plain + edges)
    assert float(EdgeReconstruction(scales=2)(step, data)) == pytest.approx(plain + edges + 1)
    with pytest.raises(ValueError, match="for pictures"):
        EdgeReconstruction()(step, data, torch.ones(1, 4, dtype=torch.bool))


def test_squared_differences_are_least_at_the_average():
    data = torch.tensor([[0.0, 1.0, 5.0]]).mT  # three samples of one latent
    output = torch.zeros(1, 1, requires_grad=True)
    for _ in range(300):
        (gradient,) = torch.autograd.grad(SquaredReconstruction()(output.expand(3, 1), data), output)
        output = (output - 0.1 * gradient).detach().requires_grad_()
    assert output.item() == pytest.approx(2.0, abs=1e-4)
    mask = torch.tensor([[True], [False], [False]])
    assert float(SquaredReconstruction()(torch.full((3, 1), 3.0), data, mask)) == pytest.approx(9.0)
