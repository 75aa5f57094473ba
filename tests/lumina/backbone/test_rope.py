"""Frequencies, at sizes never trained on too, against closed forms; layouts, against complex arithmetic in float64."""

import math

import pytest
import torch

from lumina.backbone.rope import axis_frequencies, rotary_table, rotate, sincos_table
from lumina.values import Conditioning, Inference, Tokens

RULES = ("none", "interpolation", "ntk", "frequency_aware", "time_aware", "watershed")
BASE, DIM, TRAINED = 10000.0, 24, 64.0
U = torch.arange(12, dtype=torch.float64) / 12
PLAIN = BASE**-U


def frequencies(rule, scale, t=0.5, trained=TRAINED, **other):
    return axis_frequencies(rule, DIM, BASE, scale, t, trained, **other)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("t", [0.0, 0.29, 1.0])
def test_no_scale_is_the_plain_table(rule, t):
    torch.testing.assert_close(frequencies(rule, 1.0, t), PLAIN, rtol=1e-14, atol=0)


@pytest.mark.parametrize("rule", RULES[1:])
@pytest.mark.parametrize("t", [0.0, 0.4, 1.0])
def test_between_interpolation_and_plain(rule, t):
    theta = frequencies(rule, 3.0, t)
    assert (theta <= PLAIN * (1 + 1e-12)).all() and (theta >= PLAIN / 3 * (1 - 1e-12)).all()
    assert (theta.diff() < 0).all()


def test_extrapolation_interpolation_ntk():
    torch.testing.assert_close(frequencies("none", 4.0), PLAIN)
    torch.testing.assert_close(frequencies("interpolation", 4.0), PLAIN / 4)
    torch.testing.assert_close(frequencies("ntk", 4.0), (4 * BASE) ** -U)


def test_time_aware_runs_from_interpolation_to_ntk():
    """At t = 0 every frequency but the first (u = 0) is interpolated; at t = 1 the base alone has changed."""
    start, end = frequencies("time_aware", 4.0, 0.0), frequencies("time_aware", 4.0, 1.0)
    torch.testing.assert_close(start[1:], PLAIN[1:] / 4)
    assert start[0] == 1
    torch.testing.assert_close(end, (4 * BASE) ** -U)
    rising = torch.stack([frequencies("time_aware", 4.0, t) for t in torch.linspace(0, 1, 9)])
    assert (rising.diff(dim=0) >= 0).all()


@pytest.mark.parametrize("t", [0.0, 0.1, 0.5, 1.0])
def test_time_aware_as_printed(t):
    """d_t = (d_head - 1) t + 1, b' = b s^(d_head / d_t), theta = max(b'^(-6d / d_head), b^(-6d / d_head) / s)."""
    head, scale = 72, 3
    d = torch.arange(12, dtype=torch.float64)
    log_base = math.log(BASE) + head / ((head - 1) * t + 1) * math.log(scale)
    expected = torch.maximum(torch.exp(-6 * d / head * log_base), BASE ** (-6 * d / head) / scale)
    torch.testing.assert_close(frequencies("time_aware", scale, t, head_dim=head), expected)


@pytest.mark.parametrize("trained", [16.0, 64.0, 500.0])
def test_frequency_aware(trained):
    """The base is such that the frequency with wavelength L is interpolated; slower ones are too, faster ones less.

    One equation for b', solved by bisection: b'^-u = b^-u / s at the u whose wavelength 2 pi b^u is L.
    """
    scale, low, high = 2.5, math.log(BASE), 50 * math.log(BASE)
    target = next(u for u in torch.linspace(0, 1, 1_000_001).tolist() if 2 * math.pi * BASE**u >= trained)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if math.exp(-target * middle) > BASE**-target / scale else (low, middle)
    theta = frequencies("frequency_aware", scale, trained=trained)
    faster = target > U
    torch.testing.assert_close(theta[faster], torch.exp(-U[faster] * low), rtol=1e-4, atol=0)
    torch.testing.assert_close(theta[~faster], PLAIN[~faster] / scale)
    assert faster.any() and (~faster).any()


def test_figure_6a():
    """b = 5, D_head = 24, T = H = W = 16, twice the size: four wavelengths an axis, worked out by hand."""

    def wavelengths(rule, t=1.0):
        theta = axis_frequencies(rule, 8, 5.0, 2.0, t, 16.0, head_dim=24)
        return [round(x, 2) for x in (2 * math.pi / theta).tolist()]

    plain = [6.28, 9.40, 14.05, 21.01]  # 2 pi 5^(d / 4)
    assert wavelengths("none") == plain
    assert wavelengths("interpolation") == [12.57, 18.79, 28.10, 42.02]
    assert wavelengths("ntk") == [6.28, 11.17, 19.87, 35.33]  # 2 pi 10^(d / 4)
    # u* = log_5(16 / 2 pi) = 0.5807, b' = 5 * 2^(1 / u*) = 16.50; the fourth would be 51.4 and is held at 42.02
    assert wavelengths("frequency_aware") == [6.28, 12.66, 25.52, 42.02]
    assert wavelengths("time_aware", 0.0) == [6.28, 18.79, 28.10, 42.02]
    assert wavelengths("time_aware", 1.0) == wavelengths("ntk")


def test_watershed_of_the_released_sampler():
    torch.testing.assert_close(frequencies("watershed", 2.0, 0.2999), PLAIN / 2)
    torch.testing.assert_close(frequencies("watershed", 2.0, 0.3), (2 * BASE) ** -U)


def test_refusals():
    for scale in (1.0, 2.0):
        with pytest.raises(ValueError, match="'yarn' is unknown; choose one of none, interpolation, ntk"):
            frequencies("yarn", scale)
    with pytest.raises(ValueError, match=r"above 2 pi positions, got 6: .* use 'ntk' or 'time_aware'"):
        frequencies("frequency_aware", 2.0, trained=6.0)


def angles(size, trained, rule, t=0.5):
    """Turning angles of the last place of a grid, one row an axis."""
    places = torch.tensor([[[0] * len(size), [n - 1 for n in size]]])
    inference = Inference(rope_rule=rule, trained_length=trained)
    cos, sin = rotary_table(places, (8,) * len(size), 100.0, "concatenated", inference, torch.tensor([t]))
    return torch.atan2(sin, cos)[0, 1, 0].unflatten(-1, (len(size), -1)).double()


def test_each_axis_has_its_own_scale():
    """A panorama scales its width alone; a shorter axis than the trained one is left as it is."""
    got = angles((2, 4, 12), (4, 4, 4), "interpolation")
    theta = 100.0 ** -(torch.arange(4, dtype=torch.float64) / 4)
    expected = torch.stack((1 * theta, 3 * theta, 11 * theta / 3))
    torch.testing.assert_close(got.sin(), expected.sin(), atol=1e-5, rtol=0)
    torch.testing.assert_close(got.cos(), expected.cos(), atol=1e-5, rtol=0)


def test_time_aware_exponent_counts_the_whole_head():
    got = angles((8, 4, 4), (4, 4, 4), "time_aware", 0.5)[0]
    expected = 7 * axis_frequencies("time_aware", 8, 100.0, 2.0, 0.5, 4.0, head_dim=24)
    torch.testing.assert_close(got.sin(), expected.sin(), atol=1e-5, rtol=0)


def test_one_table_serves_samples_that_share_their_places():
    places = torch.arange(6).view(1, 6, 1)
    assert rotary_table(places.expand(5, -1, -1), (4,), 100.0, "interleaved")[0].shape == (1, 6, 1, 2)
    assert rotary_table(places.repeat(5, 1, 1), (4,), 100.0, "interleaved")[0].shape == (5, 6, 1, 2)


def turn(x, positions, pairs):
    """``pairs``: for each complex number of the head, the axis it turns by and its frequency."""
    z = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)))
    angles = torch.stack([positions[..., axis].double() * theta for axis, theta in pairs], -1)
    turned = z * torch.polar(torch.ones_like(angles), angles).unsqueeze(-2)
    return torch.view_as_real(turned).flatten(-2)


def interleaved(head, axes):
    """Pair A j + a turns by axis a with frequency b^(-2 A j / D)."""
    return [(a, BASE ** (-2 * axes * j / head)) for j in range(head // 2 // axes) for a in range(axes)]


def concatenated(dims):
    """[t || h || w]: frequency d of a share of n real dimensions is b^(-2 d / n)."""
    return [(a, BASE ** (-2 * d / n)) for a, n in enumerate(dims) for d in range(n // 2)]


@pytest.mark.parametrize(
    ("layout", "dims", "pairs"),
    [
        ("interleaved", (12, 12), interleaved(24, 2)),
        ("interleaved", (8, 8, 8), interleaved(24, 3)),
        ("concatenated", (8, 8, 8), concatenated((8, 8, 8))),
        ("concatenated", (4, 8, 12), concatenated((4, 8, 12))),
        ("concatenated", (24,), concatenated((24,))),
    ],
)
def test_layout_against_complex_numbers(layout, dims, pairs):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 5, 3, 24, generator=generator)
    positions = torch.randint(0, 100, (2, 5, len(dims)), generator=generator)
    got = rotate(x, rotary_table(positions, dims, BASE, layout))
    torch.testing.assert_close(got.double(), turn(x, positions, pairs), atol=2e-5, rtol=0)


def test_layouts_are_the_same_on_one_axis():
    positions = torch.arange(9).view(1, 9, 1)
    one, other = (rotary_table(positions, (24,), BASE, layout) for layout in ("interleaved", "concatenated"))
    assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])


@pytest.mark.parametrize("layout", ["interleaved", "concatenated"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_only_differences_of_positions_matter(build, grids, layout, axis):
    model = build(position_axes=3, rope_layout=layout)
    tokens, t = grids([(2, 3, 4)])[0], torch.tensor([0.4])
    shift = torch.zeros(3, dtype=torch.long)
    shift[axis] = 17
    moved = Tokens(features=tokens.features, positions=tokens.positions + shift)
    stretched = Tokens(features=tokens.features, positions=tokens.positions * (1 + shift))
    with torch.no_grad():
        here, there, elsewhere = (model.predict(x, t, Conditioning()) for x in (tokens, moved, stretched))
    torch.testing.assert_close(there, here, atol=1e-5, rtol=0)
    assert (elsewhere - here).abs().max() > 1e-3


def test_unequal_shares(build, grids):
    model = build(position_axes=3, rope_layout="concatenated", axes_dims=(2, 4, 6))
    out = model.predict(grids([(2, 3, 4)])[0], torch.tensor([0.4]), Conditioning())
    assert out.shape == (1, 24, 5) and out.isfinite().all()


def test_real_coordinates(build, grids):
    model, tokens = build(position_axes=2), grids([(3, 3)])[0]
    same = Tokens(features=tokens.features, positions=tokens.positions.float())
    half = Tokens(features=tokens.features, positions=tokens.positions / 2)
    t, cond = torch.tensor([0.4]), Conditioning()
    assert torch.equal(model.predict(tokens, t, cond), model.predict(same, t, cond))
    assert (model.predict(half, t, cond) - model.predict(tokens, t, cond)).abs().max() > 1e-3


def test_sincos_table():
    """Of each axis [sin(p w), cos(p w)] with w_i = 10000^(-i / (D / 4)), the rows' share first."""
    positions = torch.tensor([[[3, 5]]])
    omega = 10000.0 ** -(torch.arange(4, dtype=torch.float64) / 4)
    expected = torch.cat([part for p in (3, 5) for part in ((p * omega).sin(), (p * omega).cos())])
    torch.testing.assert_close(sincos_table(positions, 16)[0, 0].double(), expected, atol=1e-6, rtol=0)
