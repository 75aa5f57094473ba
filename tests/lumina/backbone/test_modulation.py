"""Scales, shifts and gates: which part of the vector is which, and whose vector a token reads."""

import pytest
import torch
from torch import nn

from lumina.backbone import NextDiTConfig
from lumina.backbone.layout import Layout
from lumina.backbone.modulation import AdaptiveModulation, LearnedGates, Modulation

WIDTH = 12
PLAIN = Layout(shape=(2, 5))


def adaptive(kind):
    return AdaptiveModulation(NextDiTConfig(dim=WIDTH, num_heads=2, modulation=kind))


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        ("scale_gate", [("scale", "gate"), ("scale", "gate")]),
        ("shift_scale_gate", [("shift", "scale", "gate"), ("shift", "scale", "gate")]),
    ],
)
def test_order_of_the_parts(kind, order):
    """Attention first, then feed-forward; a bias that counts the parts says where each lies."""
    layer = adaptive(kind)
    count = sum(map(len, order))
    layer[1].bias.data = torch.arange(count, dtype=torch.float32).repeat_interleave(WIDTH)
    numbers = iter(range(count))
    for modulation, names in zip(layer.halves(torch.randn(2, WIDTH), PLAIN), order, strict=True):
        for name in names:
            assert (getattr(modulation, name) == next(numbers)).all(), name
        assert (modulation.shift is None) == ("shift" not in names)


@pytest.mark.parametrize("kind", ["scale_gate", "shift_scale_gate"])
def test_everything_is_shut_and_untouched_at_first(kind):
    x = torch.randn(2, 5, WIDTH)
    for modulation in adaptive(kind).halves(torch.randn(2, WIDTH), PLAIN):
        assert torch.equal(modulation.apply(x), x)
        assert not modulation.gate.any()


def test_condition_goes_through_silu_and_one_linear():
    layer, vectors = adaptive("scale_gate"), torch.randn(2, WIDTH)
    nn.init.normal_(layer[1].weight)
    scale = layer.halves(vectors, PLAIN)[0].scale
    expected = (vectors / (1 + (-vectors).exp())) @ layer[1].weight[:WIDTH].T
    torch.testing.assert_close(scale, expected[:, None])


def test_scale_and_shift():
    x, scale, shift = torch.randn(3, 2, 5, WIDTH)
    gate = torch.zeros(())
    torch.testing.assert_close(Modulation(scale, shift, gate).apply(x), x + x * scale + shift)
    torch.testing.assert_close(Modulation(scale, None, gate).apply(x), x + x * scale)
    assert torch.equal(Modulation(None, None, gate).apply(x), x)


def test_each_token_reads_its_groups_vector():
    """With groups the vectors are ``[B * G, C]``, those of a sample side by side."""
    layer, vectors = adaptive("scale_gate"), torch.randn(4, WIDTH)
    nn.init.normal_(layer[1].weight)
    groups = torch.tensor([[0, 1, 1], [1, 0, 1]])
    grouped = layer.halves(vectors, Layout(shape=(2, 3), rows=torch.tensor([[0], [2]]) + groups))
    for sample in range(2):
        for token in range(3):
            own = vectors[2 * sample + groups[sample, token]][None]
            alone = layer.halves(own, Layout(shape=(1, 1)))
            for found, expected in zip(grouped, alone, strict=True):
                torch.testing.assert_close(found.gate[sample, token], expected.gate[0, 0])
                torch.testing.assert_close(found.scale[sample, token], expected.scale[0, 0])


def test_learned_gates_read_no_condition():
    layer = LearnedGates(NextDiTConfig(dim=WIDTH, num_heads=2, modulation="learned"))
    assert not layer.attention.any() and not layer.feed_forward.any()
    attention, feed_forward = layer.halves(torch.randn(2, WIDTH), PLAIN)
    assert attention.gate is layer.attention and feed_forward.gate is layer.feed_forward
    x = torch.randn(2, 5, WIDTH)
    assert torch.equal(attention.apply(x), x)
