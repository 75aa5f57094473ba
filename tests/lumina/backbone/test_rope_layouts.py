"""How axes share a head, against complex arithmetic in float64; and what rotary positions are for."""

import pytest
import torch

from lumina.backbone.rope import rotary_table, rotate, sincos_table
from lumina.values import Conditioning, Tokens

BASE = 10000.0


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
