import pytest
import torch

from lumina.sampling.paths import Straight, VariancePreserving

PATHS = [Straight(), VariancePreserving(), VariancePreserving(0.2, 5.0)]
T = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["alpha", "sigma"])
def test_derivatives_are_those_of_the_coefficients(path, name):
    t = T.clone().requires_grad_()
    (derivative,) = torch.autograd.grad(getattr(path, name)(t).sum(), t)
    torch.testing.assert_close(getattr(path, f"d_{name}")(T), derivative)


@pytest.mark.parametrize("path", PATHS)
def test_noise_turns_into_data(path):
    start, end = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert path.alpha(end) == 1
    assert path.sigma(end) == 0
    assert path.sigma(start) > 0.99 * (path.beta_max > 10 if isinstance(path, VariancePreserving) else 1)
    signal_to_noise = path.alpha(T) / path.sigma(T)
    assert (signal_to_noise.diff() > 0).all()


def test_variance_is_preserved():
    path = VariancePreserving()
    torch.testing.assert_close(path.alpha(T) ** 2 + path.sigma(T) ** 2, torch.ones_like(T))
    left = path.alpha(torch.zeros((), dtype=torch.float64))
    assert left.item() == pytest.approx(0.00657, abs=1e-5)


def test_sigma_is_accurate_near_data_in_single_precision():
    path = VariancePreserving()
    t = torch.tensor(1 - 2.0**-13, dtype=torch.float64)
    torch.testing.assert_close(path.sigma(t.float()).double(), path.sigma(t), rtol=1e-5, atol=0)


def test_noise_range_is_where_the_path_ends():
    path = VariancePreserving()
    assert path.sigma(torch.tensor(path.noise_range[1])).item() == pytest.approx(0.01, rel=0.1)
    assert torch.isinf(path.d_sigma(torch.tensor(1.0)))


@pytest.mark.parametrize("betas", [(0.0, 20.0), (2.0, 1.0)])
def test_betas_must_rise_from_above_zero(betas):
    with pytest.raises(ValueError, match="beta_min <= beta_max"):
        VariancePreserving(*betas)
