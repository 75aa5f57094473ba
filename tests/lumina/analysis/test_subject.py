"""The path that figures look along is the one that sampling takes."""

import pytest
import torch

from lumina.conditioning.text import TextConditioner
from lumina.interfaces import TextEncoder
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Euler


def test_states_lie_on_the_sampled_path(subject):
    model = subject()
    draw = next(model.draws(2, 2, seed=3))
    middle, end = model.states(draw, [0.5, 1.0])
    sampler = Sampler(Uniform(), Euler(), steps=4)
    torch.testing.assert_close(end, sampler.sample(model.velocity(draw), draw.noise))
    torch.testing.assert_close(
        middle, Sampler(Uniform(), Euler(), 2).sample(model.velocity(draw), draw.noise, (0, 0.5))
    )
    assert torch.equal(next(model.states(draw, [0.0])), draw.noise)


def test_draws_depend_on_the_seed_alone(subject):
    model = subject()
    first, second = (next(model.draws(4, 4, seed=1)) for _ in range(2))
    other = next(model.draws(4, 4, seed=2))
    assert torch.equal(first.noise, second.noise) and torch.equal(first.cond.pooled, second.cond.pooled)
    assert not torch.equal(first.noise, other.noise)
    state = torch.get_rng_state()
    next(model.draws(4, 4))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("times", [[0.5, 0.25], [-0.1], [1.1]])
def test_times_that_do_not_rise_from_noise_to_data(subject, times):
    model = subject()
    with pytest.raises(ValueError, match="must increase and lie between 0 and 1"):
        list(model.states(next(model.draws(1, 1)), times))


def test_prompts_for_a_model_without_text(subject):
    with pytest.raises(ValueError, match="takes no text"):
        next(subject().draws(1, 1, prompts=["a red apple"]))


class Letters(TextEncoder):
    """A text's letters by their numbers."""

    dim = 3

    def encode(self, captions, device):
        return [torch.tensor([[ord(letter) / 100] * 3 for letter in text], device=device) for text in captions]


def test_prompts_in_turn(subject):
    model = subject(conditioners=[TextConditioner(Letters(), dropout=0)])
    draws = list(model.draws(3, 2, prompts=["ab", "c"]))
    assert [draw.cond.cross_mask.sum(1).tolist() if draw.cond.cross_mask is not None else draw.cond.cross.shape[1]
            for draw in draws] == [[2, 1], 2]  # fmt: skip
    torch.testing.assert_close(draws[1].cond.cross, draws[0].cond.cross[:1])
    with pytest.raises(ValueError, match="this model takes text: set --prompt="):
        next(model.draws(1, 1))
