"""Which layers average their keys, and what is computed once."""

import pytest
import torch
from torch import nn

from lumina.values import ContextDrop, StepCache, Tokens, is_shared

LAYERS = ["first", "last", "spread", "all"]


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("count", [1, 8, 24])
def test_all_at_noise_and_none_at_data(layers, count):
    drop = ContextDrop(layers=layers)
    assert drop.chosen(count, 0.0) == [True] * count and drop.chosen(count, 1.0) == [False] * count
    dropping = [sum(drop.chosen(count, t)) for t in torch.linspace(0, 1, 101).tolist()]
    assert dropping == sorted(dropping, reverse=True)
    assert sum(dropping) / (101 * count) == pytest.approx(0.5, abs=0.01)


def test_which_layers():
    found = {layers: ContextDrop(layers=layers).chosen(8, 0.5) for layers in LAYERS}
    assert found["first"] == [True] * 4 + [False] * 4 and found["last"] == [False] * 4 + [True] * 4
    assert found["spread"] == [False, True] * 4
    assert [sum(ContextDrop(layers="spread").chosen(6, t)) for t in (0.08, 0.09, 0.25, 0.26)] == [6, 5, 5, 4]


def test_squares_of_one_token_are_refused():
    with pytest.raises(ValueError, match="factor=1"):
        ContextDrop(factor=1)


def test_once():
    memory, calls = StepCache(), []

    def compute():
        calls.append(0)
        return nn.Identity()

    first = memory.once("a", compute, key=1)
    assert memory.once("a", compute, key=1) is first and memory.once("a", compute, key=2) is not first
    assert memory.once("b", compute) is memory.once("b", compute) and len(calls) == 3


def test_positions_that_samples_share_stay_shared():
    one = Tokens(features=torch.zeros(1, 4, 2), positions=torch.arange(4)[None, :, None], lengths=(4,))
    many = one.expand(3)
    assert many.features.shape == (3, 4, 2) and many.lengths == (4, 4, 4) and is_shared(many.positions)
    assert is_shared(many.to(torch.device("meta")).positions)
    apart = Tokens(features=many.features, positions=many.positions.clone())
    assert not is_shared(apart.to(torch.device("meta")).positions)
