import pytest
import torch

from lumina.objectives.time_sampling import LogitNormal, UniformTimes

COUNT = 100_000
QUANTILES = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])


def draw(times, seed=0, count=COUNT):
    return times.sample(count, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (-0.5, 0.7), (1.0, 1.5)])
def test_quantiles_of_the_logit_normal(mean, std):
    expected = torch.sigmoid(mean + std * torch.distributions.Normal(0.0, 1.0).icdf(QUANTILES))
    torch.testing.assert_close(draw(LogitNormal(mean, std)).quantile(QUANTILES), expected, rtol=0, atol=0.01)


def test_mean_and_variance_of_the_logit_normal():
    t = draw(LogitNormal())
    # The variance of sigmoid(n), n standard normal, by quadrature.
    n = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    density = torch.distributions.Normal(0.0, 1.0).log_prob(n).exp()
    variance = torch.trapezoid(density * (torch.sigmoid(n) - 0.5) ** 2, n)
    assert t.mean().item() == pytest.approx(0.5, abs=0.003)
    assert t.var().item() == pytest.approx(variance.item(), rel=0.02)


def test_quantiles_of_uniform_times():
    torch.testing.assert_close(draw(UniformTimes()).quantile(QUANTILES), QUANTILES, rtol=0, atol=0.01)


@pytest.mark.parametrize("times", [UniformTimes(), LogitNormal(), LogitNormal(std=30.0)])
def test_times_are_single_precision_strictly_inside_and_follow_the_seed(times):
    t = draw(times)
    assert t.dtype == torch.float32
    assert t.shape == (COUNT,)
    assert t.min() > 0
    assert t.max() < 1
    assert torch.equal(t, draw(times))
    assert not torch.equal(t, draw(times, seed=1))


def test_width_must_be_positive():
    with pytest.raises(ValueError, match="std > 0"):
        LogitNormal(std=0)
