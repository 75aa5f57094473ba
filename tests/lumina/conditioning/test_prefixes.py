"""Prefixes of conditioners: dropped, of several kinds, in batches that are joined."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import nn

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.conditioning.concatenate import concatenate
from lumina.conditioning.condition_set import ConditionerSet
from lumina.conditioning.prefixes import absent, merge
from lumina.interfaces import Conditioner
from lumina.objectives.flow_matching import FlowMatching
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Conditioning, Prefix, Tokens

CPU = torch.device("cpu")


class Reference(Conditioner):
    """Two clean tokens a sample through a trained layer."""

    route: ClassVar = "prefix"

    def __init__(self, key="reference", dropout=0.5, times=(1.0,)):
        super().__init__()
        self.key, self.dropout, self.dim, self.times = key, dropout, 3, times
        self.project = nn.Linear(3, 3)

    def forward(self, value, keep):
        positions = torch.arange(value.shape[1])[None, :, None].expand(len(value), -1, -1)
        return Conditioning(
            prefix=Prefix(tokens=Tokens(features=self.project(value), positions=positions), times=self.times)
        )

    def example(self, count):
        return torch.randn(count, 2, 3)


def prefix(count=2, length=3, real=None, times=(1.0,), grouped=None, groups=None):
    mask = None if real is None else torch.arange(length) < torch.tensor(real)[:, None]
    tokens = Tokens(
        features=torch.randn(count, length, 3), positions=torch.rand(count, length, 1), mask=mask, groups=groups
    )
    return Prefix(tokens=tokens, times=times, grouped=grouped)


def test_dropped_at_random_and_absent_under_null():
    conditions, count = ConditionerSet([Reference(dropout=0.25)], 8), 2000
    batch = {"reference": torch.randn(count, 2, 3)}
    generator = keyed_generator(Purpose.TRAINING, 0)
    mask = conditions.train_conditions(batch, count, generator).prefix.tokens.mask
    assert mask.all(1).float().mean().item() == pytest.approx(0.75, abs=0.03)
    assert torch.equal(mask.all(1), mask.any(1))
    assert conditions.conditions(batch, count, CPU, keep=False).prefix is None


def test_each_sample_may_be_told_or_not():
    conditions = ConditionerSet([Reference()], 8)
    batch = {"reference": torch.randn(3, 2, 3)}
    assert conditions.conditions(batch, 3, CPU).prefix.tokens.mask is None
    tokens = conditions.conditions(batch, 3, CPU, {"reference": [True, False, True]}).prefix.tokens
    assert tokens.lengths == (2, 0, 2) and tokens.mask.sum(1).tolist() == [2, 0, 2]
    assert conditions.conditions(batch, 3, CPU, {"reference": [False] * 3}).prefix is None


def test_several_conditioners_keep_their_own_groups():
    conditions = ConditionerSet([Reference(), Reference("other", times=(None,))], 8)
    batch = {"reference": torch.randn(2, 2, 3), "other": torch.randn(2, 1, 3)}
    joined = conditions.conditions(batch, 2, CPU).prefix
    assert joined.times == (1.0, None)
    assert joined.tokens.groups.tolist() == [[0, 0, 1]] * 2


def test_merged_parts_have_their_real_tokens_first():
    one, other = prefix(real=[1, 0]), prefix(length=2, real=[2, 1], grouped=torch.ones(2, 1, 4))
    joined = merge([one, other])
    assert joined.tokens.mask.tolist() == [[True] * 3 + [False] * 2, [True] + [False] * 4]
    assert joined.tokens.groups[0, :3].tolist() == [0, 1, 1] and joined.tokens.groups[1, 0] == 1
    expected = torch.cat((one.tokens.features[0, :1], other.tokens.features[0]))
    assert torch.equal(joined.tokens.features[0, :3], expected)
    assert torch.equal(joined.tokens.positions[1, 0], other.tokens.positions[1, 0])
    assert torch.equal(joined.grouped, torch.cat((torch.zeros(2, 1, 4), torch.ones(2, 1, 4)), 1))


def test_one_part_is_itself_and_none_is_none():
    one = prefix()
    assert merge([one]) is one and merge([]) is None


def test_joined_batches_where_one_has_no_prefix():
    one = prefix(grouped=torch.ones(2, 1, 4))
    for count, other in ((2, Conditioning()), (5, Conditioning(pooled=torch.zeros(5, 4)))):
        first = Conditioning(pooled=torch.zeros(2, 4) if other.pooled is not None else None, prefix=one)
        joined = concatenate(first, other).prefix
        assert joined.tokens.mask.tolist() == [[True] * 3] * 2 + [[False] * 3] * count
        assert torch.equal(joined.tokens.features[:2], one.tokens.features)
        assert torch.equal(joined.grouped[:2], one.grouped) and joined.grouped.shape == (2 + count, 1, 4)
    mirrored = concatenate(Conditioning(), Conditioning(prefix=one)).prefix
    assert mirrored.tokens.mask.tolist() == [[False] * 3] * 2 + [[True] * 3] * 2


def test_joined_batches_of_two_lengths():
    joined = concatenate(Conditioning(prefix=prefix()), Conditioning(prefix=prefix(length=2))).prefix
    assert joined.tokens.mask.sum(1).tolist() == [3, 3, 2, 2]
    with pytest.raises(ValueError, match="have different times"):
        concatenate(Conditioning(prefix=prefix()), Conditioning(prefix=prefix(times=(None,))))


def test_absent_has_the_groups_of_the_other():
    groups = torch.tensor([[0, 1, 1]] * 2)
    none = absent(prefix(times=(1.0, None), groups=groups), 4)
    assert none.times == (1.0, None) and none.tokens.groups.shape == none.tokens.mask.shape == (4, 3)
    assert not none.tokens.mask.any()


def test_a_conditioner_learns_from_what_is_kept():
    torch.manual_seed(0)
    model = NextDiT(NextDiTConfig(dim=16, num_layers=1, num_heads=2, token_dim=3, position_axes=1, multiple_of=16))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    tokens = Tokens(features=torch.randn(2, 4, 3), positions=torch.arange(4)[None, :, None].expand(2, -1, -1))
    for dropout in (0.0, 1.0):
        conditions = ConditionerSet([Reference(dropout=dropout)], 16)
        cond = conditions.train_conditions({"reference": torch.randn(2, 2, 3)}, 2, keyed_generator(Purpose.TRAINING, 0))
        FlowMatching().loss(model, tokens, cond, {}, keyed_generator(Purpose.TRAINING, 1))["loss"].backward()
        gradient = conditions[0].project.weight.grad
        assert gradient is not None and bool((gradient != 0).any()) == (dropout == 0)


def test_a_prefix_that_is_left_out_alone_keeps_its_place():
    """Two prefixes of two times: what guidance evaluates with one of them joins what it evaluates with both."""
    conditions = ConditionerSet([Reference("a"), Reference("b", times=(None,))], 8)
    batch = {"a": torch.randn(1, 2, 3), "b": torch.randn(1, 2, 3)}
    cond = conditions.conditions(batch, 1, CPU)
    for name in "ab":
        joined = concatenate(cond, cond.without(frozenset([name]))).prefix
        assert joined.times == (1.0, None) and joined.tokens.mask.sum(1).tolist() == [4, 2]


def test_what_no_sample_keeps_is_not_compressed():
    class Costly(Reference):
        def compress(self, value):
            raise AssertionError

    conditions = ConditionerSet([Costly("a")], 8)
    assert conditions.conditions({"a": torch.randn(1, 2, 3)}, 1, CPU, keep=False).prefix is None
