"""Averages over squares, against pictures averaged by PyTorch's own pooling and by hand."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import avg_pool2d, scaled_dot_product_attention

from lumina.backbone.layout import Layout
from lumina.backbone.pooling import Pool
from lumina.backbone.rope import rotary_angles, rotate, turns
from lumina.values import Conditioning, ContextDrop, Inference, Tokens

TIMES = torch.tensor([0.3, 0.3, 0.3])


def pooled(picture, factor=2):
    """``[L, C]`` of a ``[h, w, C]`` picture, squares at the edge averaging what there is."""
    return avg_pool2d(picture.permute(2, 0, 1), factor, ceil_mode=True).flatten(1).T


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 4)])
def test_one_size(grids, size, factor):
    tokens = grids([size, size])[0]
    batch = Tokens(features=torch.randn(2, *tokens.features.shape[1:]), positions=tokens.positions.expand(2, -1, -1))
    pool = Pool.of(batch.positions, Layout.of(batch, 1, None), factor)
    x = torch.randn(2, batch.features.shape[1], 3, 4)
    expected = [pooled(sample.unflatten(0, size).flatten(2), factor) for sample in x]
    assert pool.pairs is None
    torch.testing.assert_close(pool.mean(x).flatten(2), torch.stack(expected))


def test_frames_stay_apart_and_packed_samples_too(grids, collate):
    sizes = [(2, 4, 3), (1, 2, 2), (3, 1, 5)]
    batch = collate(grids(sizes))
    layout = Layout.of(batch, 1, None)
    pool = Pool.of(batch.positions, layout, 2)
    x = torch.randn(*batch.features.shape[:2], 7)
    expected = [
        pooled(frame)
        for sample, s in zip(x, sizes, strict=True)
        for frame in sample[: s[0] * s[1] * s[2]].unflatten(0, s)
    ]
    torch.testing.assert_close(pool.mean(layout.pack(x)), torch.cat(expected)[None])
    assert pool.pairs.keys.lengths == (8, 1, 9) and pool.pairs.queries.lengths == (24, 4, 15)


def test_unequal_grids_without_padding(build, grids):
    """2x6 and 3x4 have as many tokens but not as many squares."""
    samples, model = [replace(sample, groups=None) for sample in grids([(2, 6), (3, 4)])], build()
    inference = Inference(context_drop=ContextDrop())
    both = Tokens(**{name: torch.cat([getattr(x, name) for x in samples]) for name in ("features", "positions")})
    together = model.predict(both, TIMES[:2], Conditioning(), inference)
    for got, sample in zip(together, samples, strict=True):
        torch.testing.assert_close(got, model.predict(sample, TIMES[:1], Conditioning(), inference)[0])


@pytest.mark.parametrize("before_rope", [True, False])
@pytest.mark.parametrize("rule", ["none", "time_aware"])
def test_mixed_sizes_are_as_good_as_one_by_one(build, grids, collate, before_rope, rule):
    samples, model = grids([(4, 4), (3, 5), (2, 1)]), build(rope_layout="concatenated")
    drop = ContextDrop(layers="spread", before_rope=before_rope)
    inference = Inference(context_drop=drop, rope_rule=rule, trained_length=(2, 2), proportional_base=4)
    packed = model.predict(collate(samples), TIMES, Conditioning(), inference)
    plain = model.predict(collate(samples), TIMES, Conditioning())
    for got, without, sample in zip(packed, plain, samples, strict=True):
        expected = model.predict(sample, TIMES[:1], Conditioning(), inference)[0]
        torch.testing.assert_close(got[: len(expected)], expected, atol=1e-5, rtol=1e-4)
        assert (got - without).abs().max() > 1e-3


@pytest.mark.parametrize("before_rope", [True, False])
def test_attention_over_squares(build, grids, before_rope):
    """The whole attention written out: queries of all tokens, keys and values of squares."""
    tokens, model = grids([(4, 6)])[0], build(num_kv_heads=4)
    attention, layout = model.layers[0].attention, Layout.of(tokens, 1, None)
    x = torch.randn(1, 24, 48)
    angles = rotary_angles(tokens.positions, (6, 6), 10000.0, "interleaved")
    got = model.layers[0].attention(x, turns(angles), layout, None, None, _pool(tokens, layout, angles, before_rope))
    q, k = rotate(attention.q_norm(attention.wq(x)), turns(angles)), attention.k_norm(attention.wk(x))
    squares = pooled(tokens.positions[0].float().unflatten(0, (4, 6)))[None]
    if before_rope:
        where = turns(rotary_angles(squares, (6, 6), 10000.0, "interleaved"))
        k = rotate(pooled(k[0].flatten(1).unflatten(0, (4, 6)))[None].unflatten(-1, (4, 12)), where)
    else:
        k = pooled(rotate(k, turns(angles))[0].flatten(1).unflatten(0, (4, 6)))[None].unflatten(-1, (4, 12))
    v = pooled(attention.wv(x)[0].unflatten(0, (4, 6)))[None].unflatten(-1, (4, 12))
    heads = scaled_dot_product_attention(*(y.transpose(1, 2) for y in (q, k, v))).transpose(1, 2)
    torch.testing.assert_close(got, attention.wo(heads.flatten(-2)), atol=1e-5, rtol=1e-4)


def _pool(tokens, layout, angles, before_rope):
    pool = Pool.of(tokens.positions, layout, 2)
    return replace(pool, table=turns(pool.mean(angles))) if before_rope else pool


def test_equal_tokens_in_each_square_lose_nothing_but_their_turn(build, grids):
    """Where the tokens of a square are the same at the same position, a mean key is each of them."""
    tokens, model = grids([(4, 4)])[0], build(positions="sincos")
    places = tokens.positions // 2 * 2
    square = torch.randn(4, 5)[places[0, :, 0] // 2 * 2 + places[0, :, 1] // 2][None]
    alike = Tokens(features=square, positions=places)
    plain, dropped = (
        model.predict(alike, TIMES[:1], Conditioning(), Inference(context_drop=d)) for d in (None, ContextDrop())
    )
    torch.testing.assert_close(dropped, plain, atol=1e-5, rtol=1e-4)


def test_one_dimension(grids):
    tokens = grids([(5,)])[0]
    pool = Pool.of(tokens.positions, Layout.of(tokens, 1, None), 2)
    x = torch.arange(5.0).view(1, 5, 1)
    assert pool.mean(x).flatten().tolist() == [0.5, 2.5, 4.0]


def test_points_without_places_have_no_neighbours(build):
    model = build(position_axes=0)
    tokens = Tokens(features=torch.randn(1, 4, 5), positions=torch.zeros(1, 4, 0))
    with pytest.raises(ValueError, match="no position axes"):
        model.predict(tokens, TIMES[:1], Conditioning(), Inference(context_drop=ContextDrop()))


@pytest.mark.parametrize("packed", [False, True])
def test_views_at_the_same_positions_have_squares_of_their_own(packed):
    grid = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    positions = torch.cat((torch.zeros(32, 1, dtype=torch.long), grid.repeat(2, 1)), 1).expand(2, -1, -1)
    groups, x = torch.arange(2).repeat_interleave(16).expand(2, -1), torch.randn(2, 32, 1, 3)
    mask = torch.ones(2, 32, dtype=torch.bool)
    mask[1, 16:] = not packed
    tokens = Tokens(features=torch.zeros(2, 32, 1), positions=positions, mask=mask if packed else None, groups=groups)
    layout = Layout.of(tokens, 2, None)
    pooled = Pool.of(positions, layout, 2, groups).mean(layout.pack(x)).flatten(0, 1)
    views = x[mask].unflatten(0, (-1, 2, 2, 2, 2)).mean((2, 4)).flatten(0, 2)
    torch.testing.assert_close(pooled, views)
