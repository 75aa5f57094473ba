"""Epochs that have a part of the data, in turn."""

from __future__ import annotations

import pytest
import torch

from lumina.data.buckets import BucketSampler
from lumina.data.budget import Budget, BudgetSampler
from lumina.data.mixture import Mixture, apportion, rates_of, require_shares
from lumina.data.sampler import RankSampler
from lumina.randomness import Purpose, keyed_generator

MAIN, OTHERS = 12, 40
ORIGINS = torch.tensor([0] * MAIN + [1] * OTHERS)
RATES = rates_of(ORIGINS, [1, 1])
BUCKETS = torch.arange(MAIN + OTHERS) % 3
LENGTHS = 1 + torch.arange(MAIN + OTHERS) % 5


def test_half_and_half():
    mixture = Mixture(RATES)
    assert mixture.size == 2 * MAIN
    for epoch in range(20):
        chosen = mixture.chosen(epoch)
        assert len(chosen.unique()) == 2 * MAIN and int((chosen < MAIN).sum()) == MAIN
    counts = torch.bincount(torch.cat([mixture.chosen(epoch) for epoch in range(10)]), minlength=MAIN + OTHERS)
    assert counts[:MAIN].tolist() == [10] * MAIN and counts[MAIN:].tolist() == [3] * OTHERS


def test_every_bucket_has_equally_many_in_every_epoch():
    mixture = Mixture(RATES, BUCKETS)
    found = {tuple(torch.bincount(BUCKETS[mixture.chosen(epoch)]).tolist()) for epoch in range(9)}
    assert len(found) == 1 and sum(*found) == 2 * MAIN
    assert len({tuple(sorted(mixture.chosen(epoch).tolist())) for epoch in range(3)}) == 3
    assert not torch.equal(mixture.chosen(0), Mixture(RATES, BUCKETS, seed=1).chosen(0))


def test_shares():
    assert rates_of(ORIGINS, [2, 1]).unique().tolist() == pytest.approx([6 / 40, 1])
    assert rates_of(1 - ORIGINS, [1, 1]).unique().tolist() == [1]  # the other source has fewer: all of it
    with pytest.raises(ValueError, match="first source has no training samples"):
        rates_of(ORIGINS + 1, [1, 1, 1])
    for shares in ([1], [1, 0], [1, float("inf")]):
        with pytest.raises(ValueError, match="for 2 sources"):
            require_shares(shares, ["a", "b"])
    with pytest.raises(ValueError, match="Got rates from 0 to 1"):
        Mixture(torch.tensor([0.0, 1.0]))


def test_apportion():
    assert apportion(torch.tensor([0.4, 0.4, 1.2])).tolist() == [1, 0, 1]
    assert apportion(torch.tensor([2.0, 3.0])).tolist() == [2, 3]


def samplers(world):
    yield lambda rank: RankSampler(52, 2, train=True, rank=rank, world=world, mixture=Mixture(RATES))
    yield lambda rank: BucketSampler(BUCKETS, 2, train=True, rank=rank, world=world, mixture=Mixture(RATES, BUCKETS))
    budget = Budget(lengths=LENGTHS, max_tokens=12)
    yield lambda rank: BudgetSampler(budget, 4, train=True, rank=rank, world=world, mixture=Mixture(RATES))


def served(sampler):
    return [key.sample for key in sampler if key.sample >= 0]


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("world", [1, 2])
def test_samplers_serve_the_chosen_ones(number, world):
    make = list(samplers(world))[number]
    for epoch in range(3):
        own = []
        for rank in range(world):
            sampler = make(rank)
            sampler.set_epoch(epoch)
            own += served(sampler)
        assert set(own) <= set(sampler.mixture.chosen(epoch).tolist()) and len(own) >= 0.7 * 2 * MAIN
        if number < 2:  # a budget serves the first ones again where its batches are few
            assert len(own) == len(set(own)) == len(sampler) * world


@pytest.mark.parametrize("number", range(3))
def test_samplers_resume_exactly(number):
    make = list(samplers(1))[number]
    whole = make(0)
    whole.set_epoch(1)
    keys = list(whole)
    batch = 4 if number == 2 else 2
    stopped = make(0)
    stopped.set_epoch(1)
    iterator = iter(stopped)
    for _ in range(2 * batch):
        next(iterator)
    for _ in range(2):
        stopped.advance()
    resumed = make(0)
    resumed.load_state_dict(stopped.state_dict())
    assert list(resumed) == keys[2 * batch :]


def test_without_a_mixture_the_order_is_as_before():
    order = [key.sample for key in RankSampler(52, 1, train=True, seed=3)]
    assert order == torch.randperm(52, generator=keyed_generator(Purpose.ORDER, 3, 0)).tolist()
