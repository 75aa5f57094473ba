"""Starting from data and keeping a part of it, against data from N(m, s^2), whose flow is known in closed form."""

from itertools import product

import pytest
import torch

from lumina.objectives.diffusion import Diffusion
from lumina.objectives.flow_matching import FlowMatching
from lumina.randomness import Purpose, keyed_generator
from lumina.sampling.paths import Straight
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Sigmoid, Uniform
from lumina.sampling.solvers import DDIM, RK4, Dopri5, Euler, Heun, Midpoint
from lumina.values import Conditioning, Known, Tokens

MEAN, STD = 1.5, 0.3
NOTHING = Conditioning()


class Gaussian:
    """The best backbone for data from N(MEAN, STD^2)."""

    def __init__(self, objective):
        self.path, self.predicts_noise, self.seen = objective.path, isinstance(objective, Diffusion), []

    def predict(self, tokens, t, cond, inference=None):
        self.seen.append((t[0].item(), tokens.features))
        t, x = t[:, None, None], tokens.features
        alpha, sigma = self.path.alpha(t), self.path.sigma(t)
        surprise = (x - alpha * MEAN) / (alpha**2 * STD**2 + sigma**2)
        noise, data = sigma * surprise, MEAN + alpha * STD**2 * surprise
        return noise if self.predicts_noise else self.path.d_alpha(t) * data + self.path.d_sigma(t) * noise


class Neighbour:
    """A velocity that couples the tokens: each follows the mean of all, so what is kept moves what is not."""

    def predict(self, tokens, t, cond, inference=None):
        return tokens.features.mean(1, keepdim=True) * torch.cos(t)[:, None, None] - tokens.features


def random(*shape, seed=0):
    return torch.randn(shape, generator=keyed_generator(Purpose.SAMPLE, seed), dtype=torch.float64)


def draw(objective, known, sampler=None, backbone=None, noise=None):
    noise = random(2, 6, 4) if noise is None else noise
    tokens = Tokens(features=torch.zeros_like(noise), positions=torch.zeros(*noise.shape[:2], 0))
    backbone = backbone or Gaussian(objective)
    options = {"sampler": sampler or Sampler(Uniform(), RK4(), steps=40), "noise": noise, "known": known}
    return objective.outputs(backbone, tokens, NOTHING, NOTHING, keyed_generator(Purpose.SAMPLE, 0), **options).features


@pytest.mark.parametrize("objective", [FlowMatching(), Diffusion(), Diffusion(path=Straight())])
def test_full_strength_is_drawing_from_noise(objective):
    known = Known(features=random(2, 6, 4, seed=1))
    assert torch.equal(draw(objective, known), draw(objective, None))


def test_no_strength_gives_the_data_back():
    data = random(2, 6, 4, seed=1)
    assert torch.equal(draw(FlowMatching(), Known(features=data, strength=0)), data)


@pytest.mark.parametrize("strength", [0.1, 0.6, 0.9])
def test_the_flow_is_walked_from_the_mix_on(strength):
    noise, data, t = random(2, 6, 4), random(2, 6, 4, seed=1), 1 - strength
    start = t * data + (1 - t) * noise
    spread = (t**2 * STD**2 + (1 - t) ** 2) ** 0.5
    exact = MEAN + STD / spread * (start - t * MEAN)
    drawn = draw(FlowMatching(), Known(features=data, strength=strength), Sampler(Sigmoid(), RK4(), steps=80))
    torch.testing.assert_close(drawn, exact, rtol=0, atol=1e-5)


def test_only_the_rest_of_the_schedule_is_walked():
    objective = FlowMatching()
    backbone = Gaussian(objective)
    draw(objective, Known(features=random(1, 6, 4), strength=0.6), Sampler(Uniform(), Euler(), steps=10), backbone)
    assert [t for t, _ in backbone.seen] == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8, 0.9])


@pytest.mark.parametrize(
    ("objective", "solver"),
    [
        *product((FlowMatching(), Diffusion(), Diffusion(path=Straight())), (Euler(), Midpoint(), Heun(), RK4())),
        (FlowMatching(), Dopri5(1e-9, 1e-9)),
        (Diffusion(), DDIM()),
    ],
)
def test_what_is_kept_is_exact_and_the_rest_as_if_alone(objective, solver):
    data, kept = random(1, 6, 4, seed=1), random(1, 6, 4, seed=2) > 0
    sampler = Sampler(Uniform(), solver, steps=5)
    drawn = draw(objective, Known(features=data, keep_mask=kept), sampler)
    assert torch.equal(drawn[:, kept[0]], data[:, kept[0]].expand(2, -1))
    torch.testing.assert_close(drawn[:, ~kept[0]], draw(objective, None, sampler)[:, ~kept[0]], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("objective", [FlowMatching(), Diffusion()])
def test_the_network_sees_what_is_kept_on_its_way(objective):
    noise, data, kept = random(2, 6, 4), random(2, 6, 4, seed=1), random(2, 6, 4, seed=2) > 0
    backbone = Gaussian(objective)
    draw(objective, Known(features=data, keep_mask=kept), Sampler(Sigmoid(), RK4(), steps=4), backbone, noise)
    assert len(backbone.seen) == 16 + isinstance(objective, Diffusion)  # which looks once more in the end
    for t, x in backbone.seen:
        t = torch.tensor(t, dtype=torch.float64)
        way = objective.path.alpha(t) * data + objective.path.sigma(t) * noise
        torch.testing.assert_close(x[kept], way[kept])


@pytest.mark.parametrize(("solver", "order"), [(Euler(), 1), (Midpoint(), 2), (Heun(), 2), (RK4(), 4)])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_solvers_keep_their_order_beside_what_is_kept(solver, order, strength):
    known = Known(features=random(1, 6, 4, seed=1), keep_mask=random(1, 6, 4, seed=2) > 0, strength=strength)
    truth, coarse, fine = (
        draw(FlowMatching(), known, Sampler(Uniform(), s, steps), Neighbour())
        for s, steps in ((RK4(), 640), (solver, 10), (solver, 20))
    )
    ratio = (coarse - truth).norm() / (fine - truth).norm()
    assert ratio.log2().item() == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_strength_has_bounds(strength):
    with pytest.raises(ValueError, match="between 0"):
        Known(features=torch.zeros(1, 1, 1), strength=strength)
