import math

import pytest
import torch

from lumina.sampling.paths import VariancePreserving
from lumina.sampling.schedules import EDM, Cosine, Linear, Rational, Sigmoid, Uniform

SCHEDULES = [Uniform(), Rational(), Rational(0.5), Sigmoid(), Sigmoid(0.5, 3.3, 8.7), Cosine(), Linear(), EDM()]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
@pytest.mark.parametrize("steps", [1, 2, 7, 10, 1000])
def test_times_rise_from_exactly_zero_to_exactly_one(schedule, steps):
    times = schedule.times(steps)
    assert times.shape == (steps + 1,)
    assert times.dtype == torch.float64
    assert times[0] == 0
    assert times[-1] == 1
    assert (times.diff() > 0).all()


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_grid_of_twice_the_steps_contains_the_coarse_grid(schedule):
    torch.testing.assert_close(schedule.times(20)[::2], schedule.times(10), rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [0, -3])
def test_too_few_steps_are_refused(steps):
    with pytest.raises(ValueError, match="at least 1 step"):
        Uniform().times(steps)


def test_sigmoid_on_ten_steps():
    expected = [0, 0.0214, 0.0581, 0.1184, 0.2105, 0.3368, 0.4865, 0.8778, 0.9819, 0.9978, 1]
    torch.testing.assert_close(Sigmoid().times(10), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=5e-5)


def test_sigmoid_keeps_the_precision_of_its_parameters():
    times = Sigmoid(0.5, 3.3, 8.7).times(4)
    slopes = {0: 3.3, 0.25: 3.3, 0.5: 8.7, 0.75: 8.7, 1: 8.7}
    printed = [1 / (1 + math.exp(-slope * (u - 0.5))) for u, slope in slopes.items()]
    expected = [(value - printed[0]) / (printed[-1] - printed[0]) for value in printed]
    torch.testing.assert_close(times, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-14)


def test_rational_with_the_reciprocal_is_its_inverse():
    u = torch.linspace(0, 1, 33, dtype=torch.float64)
    torch.testing.assert_close(Rational(1 / 4).warp(Rational(4).warp(u)), u, rtol=0, atol=1e-14)


def test_rational_of_one_is_uniform_and_four_halves_at_four_fifths():
    torch.testing.assert_close(Rational(1).times(7), Uniform().times(7))
    assert Rational(4).times(5)[4] == pytest.approx(0.5)


def test_diffusion_schedules_keep_the_signal_to_noise_ratio():
    u = torch.linspace(0, 1, 11, dtype=torch.float64)[1:-1]
    path = VariancePreserving()
    t = Linear().warp(u)
    torch.testing.assert_close(t / (1 - t), path.alpha(u) / path.sigma(u))
    edges = EDM().warp(torch.tensor([0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(1 / edges - 1, torch.tensor([80, 0.002], dtype=torch.float64))


def test_cosine_is_that_of_improved_ddpm():
    u = torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=torch.float64)
    level = torch.cos((1 - u + 0.008) / 1.008 * math.pi / 2) ** 2
    alpha_bar = level / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    t = Cosine().warp(u)
    torch.testing.assert_close(t**2 / (t**2 + (1 - t) ** 2), alpha_bar, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "build",
    [lambda: Rational(0), lambda: Sigmoid(alpha=-1), lambda: EDM(rho=0), lambda: EDM(2.0, 1.0), lambda: Linear(0)],
)
def test_parameters_without_a_rising_schedule_are_refused(build):
    with pytest.raises(ValueError, match="needs"):
        build()
