"""Prediction of noise against the score of a Gaussian and the textbook step."""

import pytest
import torch
from gaussian import MEAN, STD, Gaussian, canvas, exact, random, seeded

from lumina.objectives.diffusion import Diffusion
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import DDIM, RK4, Euler
from lumina.values import Conditioning

NOTHING = Conditioning()


def test_velocity_of_diffusion_follows_from_the_score():
    """Song et al. 2021: dx/ds = -beta/2 (x + score) in diffusion time s = 1 - t."""
    objective, x = Diffusion(), random(3, 5, 2)
    path, field = objective.path, objective.velocity_field(Gaussian(objective), canvas(), NOTHING, NOTHING)
    for t in torch.linspace(0, 0.999, 20, dtype=torch.float64):
        alpha, sigma = path.alpha(t), path.sigma(t)
        score = -(x - alpha * MEAN) / (alpha**2 * STD**2 + sigma**2)
        beta = 0.1 + (1 - t) * 19.9
        torch.testing.assert_close(field(x, t), beta / 2 * (x + score), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("solver", [RK4(), DDIM()], ids=["rk4", "ddim"])
def test_diffusion_leaves_no_noise_in_its_samples(solver):
    objective, noise = Diffusion(), random(3, 50, 2)
    backbone, sampler = Gaussian(objective, std=1e-4), Sampler(Uniform(), solver, steps=100)
    result = objective.outputs(backbone, canvas(3, 50), NOTHING, NOTHING, seeded(), sampler=sampler, noise=noise)
    assert (result.features - MEAN).abs().max() < 1e-3  # sigma where the solver ends is 0.01


def diffusion_error(solver, steps, mean, std):
    objective, noise = Diffusion(), random(3, 50, 2)
    field = objective.velocity_field(Gaussian(objective, mean, std), canvas(3, 50), NOTHING, NOTHING)
    result = Sampler(Uniform(), solver(objective.path), steps).sample(field, noise, objective.time_range)
    truth = exact(objective.path, noise, *objective.time_range, mean, std)
    return (result - truth).square().mean().sqrt().item()


def euler(path):
    return Euler()


@pytest.mark.parametrize("steps", [5, 10, 20])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 0.001), (1.5, 0.001), (5.0, 0.1), (5.0, 0.3)])
def test_ddim_beats_euler_where_data_is_narrow_beside_its_distance(steps, mean, std):
    assert diffusion_error(DDIM, steps, mean, std) < diffusion_error(euler, steps, mean, std) / 1.4


def test_ddim_places_the_mean_exactly_and_converges_at_first_order():
    near, far, fine = (diffusion_error(DDIM, steps, mean, STD) for steps, mean in ((50, 0.0), (50, 5.0), (200, 0.0)))
    assert far == pytest.approx(near, rel=0.01)
    assert near / fine == pytest.approx(4, rel=0.15)


def test_ddim_is_the_textbook_step_on_predicted_noise():
    objective, x, (t, t_next) = Diffusion(), random(3, 5, 2), torch.tensor([0.2, 0.7], dtype=torch.float64)
    backbone, path = Gaussian(objective), objective.path
    noise = backbone.predict(canvas().with_features(x), t.expand(3), NOTHING)
    expected = path.alpha(t_next) * (x - path.sigma(t) * noise) / path.alpha(t) + path.sigma(t_next) * noise
    field = objective.velocity_field(backbone, canvas(), NOTHING, NOTHING)
    torch.testing.assert_close(DDIM(path).step(field, x, t, t_next), expected, rtol=1e-10, atol=1e-10)
