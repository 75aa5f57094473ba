"""Impossible architectures are refused with what was got, what was expected and what to do."""

import pytest

from lumina.backbone import NextDiT, NextDiTConfig


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"num_layers": 0}, ("num_layers=0", "at least 1")),
        ({"num_kv_heads": 0}, ("kv_heads=0", "at least 1")),
        ({"dim": 100, "num_heads": 12}, ("dim=100", "num_heads=12", "96")),
        ({"num_heads": 12, "num_kv_heads": 5}, ("num_heads=12", "num_kv_heads=5", "same number")),
        ({"dim": 120, "num_heads": 12, "position_axes": 3}, ("head width 10", "divisible by 6", "axes_dims")),
        ({"position_axes": 2, "axes_dims": (32, 30)}, ("(32, 30)", "2 even numbers", "64")),
        ({"position_axes": 2, "axes_dims": (31, 33)}, ("(31, 33)", "even")),
        ({"position_axes": 3, "axes_dims": (32, 32)}, ("(32, 32)", "3 even numbers")),
        ({"position_axes": 2, "axes_dims": (16, 48)}, ("(16, 48)", "rope_layout=concatenated")),
        ({"position_axes": 1, "line_tokens": True, "positions": "rope_1d"}, ("at least 2", "have 1", "=false")),
        ({"position_axes": 2, "line_tokens": True}, ("positions=rope;", "choose positions=rope_1d")),
        ({"dim": 36, "position_axes": 2, "positions": "rope_1d"}, ("head width 3", "odd", "change dim")),
        ({"dim": 60, "position_axes": 8, "positions": "sincos"}, ("dim=60", "divisible by 16", "8 axes")),
    ],
)
def test_refusals(settings, parts):
    with pytest.raises(ValueError) as error:
        NextDiTConfig(**settings)
    for part in parts:
        assert part in str(error.value), (part, str(error.value))


@pytest.mark.parametrize("settings", [{}, {"token_dim": 4}, {"position_axes": 2}])
def test_a_network_needs_to_know_its_tokens(settings):
    with pytest.raises(ValueError, match=r"needs token_dim and position_axes, got token_dim=.*set both"):
        NextDiT(NextDiTConfig(**settings))


def test_what_follows_from_the_sizes():
    config = NextDiTConfig(dim=2304, num_heads=32, num_kv_heads=8, position_axes=3)
    assert (config.head_dim, config.kv_heads, config.cond_dim, config.hidden_dim) == (72, 8, 1024, 6144)
    assert config.rope_dims == (24, 24, 24)
    assert NextDiTConfig(feed_forward="gelu").hidden_dim == 4 * 768
    assert NextDiTConfig().kv_heads == 12 and NextDiTConfig().cond_dim == 768


@pytest.mark.parametrize(
    ("settings", "dims"),
    [
        ({"positions": "rope_1d", "position_axes": 3}, (64,)),
        ({"positions": "sincos", "position_axes": 2}, ()),
        ({"position_axes": 0}, ()),
        ({"position_axes": 2, "axes_dims": (16, 48), "rope_layout": "concatenated"}, (16, 48)),
    ],
)
def test_what_each_axis_turns(settings, dims):
    assert NextDiTConfig(**settings).rope_dims == dims
