"""Padding costs nothing and cannot leak: a padded batch gives each sample what it gets alone."""

from dataclasses import fields

import pytest
import torch

from lumina.values import Conditioning, ContextDrop, Inference, Tokens

SIZES = [(2, 3), (4, 4), (1, 5)]
TIMES = torch.tensor([0.1, 0.5, 0.9])
TEXT = 10
FLAG = {"positions": "rope_1d", "post_norm": False, "modulation": "shift_scale_gate", "tanh_gates": False}


def conditions(kind):
    generator = torch.Generator().manual_seed(3)
    if kind == "pooled":
        return Conditioning(pooled=torch.randn(3, 48, generator=generator))
    if kind == "grouped":
        return Conditioning(grouped=torch.randn(3, 2, 48, generator=generator))
    if kind == "text":
        text = torch.randn(3, 6, TEXT, generator=generator)
        return Conditioning(cross=text, cross_mask=torch.arange(6) < torch.tensor([6, 0, 2])[:, None])
    if kind == "unmasked text":
        return Conditioning(cross=torch.randn(3, 6, TEXT, generator=generator))
    return Conditioning()


def of_sample(cond, index):
    """The conditions of one sample, its text cut to what is real (or all masked)."""
    parts = {field.name: getattr(cond, field.name) for field in fields(cond)}
    parts = {name: None if part is None else part[index : index + 1] for name, part in parts.items()}
    if parts["cross_mask"] is not None and parts["cross_mask"].any():
        parts["cross"] = parts["cross"][:, parts["cross_mask"][0]]
        parts["cross_mask"] = None
    return Conditioning(**parts)


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def alone(model, samples, cond, inference=None):
    t = TIMES[: len(samples)]
    return [model.predict(x, t[i : i + 1], of_sample(cond, i), inference)[0] for i, x in enumerate(samples)]


@pytest.mark.parametrize("mixed_sizes", ["packed", "padded"])
@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("nothing", {}),
        ("nothing", {"pad_token": True}),
        ("nothing", FLAG),
        ("nothing", FLAG | {"line_tokens": True}),
        ("nothing", {"positions": "sincos", "norm": "layer", "feed_forward": "gelu", "bias": True}),
        ("nothing", {"long_skip": True, "qk_norm": "per_head"}),
        ("pooled", {}),
        ("pooled", {"final_shift": True, "learn_sigma": True}),
        ("grouped", {}),
        ("grouped", FLAG),
        ("grouped", FLAG | {"line_tokens": True}),
        ("text", {"text_dim": TEXT}),
        ("text", FLAG | {"text_dim": TEXT, "line_tokens": True}),
        ("unmasked text", {"text_dim": TEXT}),
    ],
)
def test_batch_is_as_good_as_one_by_one(build, grids, collate, kind, config, mixed_sizes):
    model, cond, samples = build(**config, mixed_sizes=mixed_sizes), conditions(kind), grids(SIZES)
    batch = collate(samples)
    packed, single = model.predict(batch, TIMES, cond), alone(model, samples, cond)
    for got, expected in zip(packed, single, strict=True):
        assert expected.abs().mean() > 0.05
        torch.testing.assert_close(got[: len(expected)], expected, atol=1e-5, rtol=1e-4)
    assert (packed[~batch.mask] == 0).all()
    ours = gradients(model, packed.square().sum())
    theirs = gradients(model, sum(x.square().sum() for x in alone(model, samples, cond)))
    assert ours.keys() == theirs.keys()
    largest = max(float(gradient.abs().max()) for gradient in theirs.values())
    for name, gradient in theirs.items():
        allowed = 1e-4 * float(gradient.abs().max()) + 1e-6 * largest
        torch.testing.assert_close(ours[name], gradient, atol=allowed, rtol=0)


@pytest.mark.parametrize("mixed_sizes", ["packed", "padded"])
@pytest.mark.parametrize(
    "inference",
    [
        Inference(proportional_base=4),
        Inference(rope_rule="ntk", trained_length=(2, 2)),
        Inference(rope_rule="time_aware", trained_length=(2, 2), proportional_base=4),
        Inference(context_drop=ContextDrop()),
    ],
)
def test_options_are_those_of_each_sample(build, grids, collate, inference, mixed_sizes):
    """A large neighbour does not change the scale of attention or of positions."""
    model, samples = build(mixed_sizes=mixed_sizes), grids(SIZES)
    t = torch.full((3,), 0.5)
    packed = model.predict(collate(samples), t, Conditioning(), inference)
    for got, sample in zip(packed, samples, strict=True):
        expected = model.predict(sample, t[:1], Conditioning(), inference)[0]
        torch.testing.assert_close(got[: len(expected)], expected, atol=1e-5, rtol=1e-4)


def test_features_of_padding_are_zero(build, grids, collate):
    for config in ({}, {"mixed_sizes": "padded"}, FLAG | {"line_tokens": True}):
        batch = collate(grids([(4, 1), (1, 6), (2, 2)]))
        features = build(**config).features(batch, TIMES, Conditioning())
        assert (features[~batch.mask] == 0).all() and (features[batch.mask] != 0).any(-1).all()


def test_a_mask_without_padding_is_no_mask(build, grids):
    samples = grids([(2, 3), (3, 2), (2, 3)])
    parts = [torch.cat([getattr(x, name) for x in samples]) for name in ("features", "positions")]
    bare, masked = (
        Tokens(features=parts[0], positions=parts[1], mask=mask) for mask in (None, torch.ones(3, 6, dtype=torch.bool))
    )
    model = build()
    assert torch.equal(model.predict(bare, TIMES, Conditioning()), model.predict(masked, TIMES, Conditioning()))


def test_line_tokens_of_unequal_grids_without_padding(build, grids):
    """2x6 and 3x4 have as many tokens but not as many lines; neither may see the other's length."""
    model, samples = build(**FLAG, line_tokens=True), grids([(2, 6), (3, 4)])
    parts = [torch.cat([getattr(x, name) for x in samples]) for name in ("features", "positions")]
    together = model.predict(Tokens(features=parts[0], positions=parts[1]), TIMES[:2], Conditioning())
    for got, expected in zip(together, alone(model, samples, Conditioning()), strict=True):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


def test_a_sample_without_tokens(build, grids, collate):
    model, samples = build(text_dim=TEXT), grids(SIZES[:2])
    batch = collate(samples)
    mask = batch.mask & torch.tensor([[False], [True]])
    empty = Tokens(features=batch.features, positions=batch.positions, mask=mask)
    cond = Conditioning(cross=torch.randn(2, 3, TEXT))
    out = model.predict(empty, TIMES[:2], cond)
    assert (out[0] == 0).all()
    torch.testing.assert_close(out[1], alone(model, samples, cond)[1], atol=1e-5, rtol=1e-4)


def test_groups_are_conditions_a_token(build, grids):
    """Without attention between tokens, those of group g are as if ``grouped[:, g]`` were everyone's."""
    model, tokens = build(), grids([(4, 3)])[0]
    for layer in model.layers:
        layer.attention_norm2.weight.data.zero_()
    grouped = torch.randn(1, 2, 48)
    mixed = model.predict(tokens, TIMES[:1], Conditioning(grouped=grouped))
    for group in (0, 1):
        everyone = model.predict(tokens, TIMES[:1], Conditioning(pooled=grouped[:, group]))
        chosen = tokens.groups == group
        torch.testing.assert_close(mixed[chosen], everyone[chosen], atol=1e-5, rtol=1e-4)
        assert (mixed[~chosen] - everyone[~chosen]).abs().max() > 1e-3


def test_conditions_of_groups_need_groups(build, grids):
    tokens = grids([(2, 2)])[0]
    bare, cond = (
        Tokens(features=tokens.features, positions=tokens.positions),
        Conditioning(grouped=torch.zeros(1, 2, 48)),
    )
    with pytest.raises(ValueError, match=r"2 groups, but tokens without groups; give Tokens\.groups"):
        build().predict(bare, TIMES[:1], cond)


def test_equal_groups_are_a_pooled_condition(build, grids):
    model, tokens, vector = build(), grids([(4, 3)])[0], torch.randn(1, 48)
    grouped = model.predict(tokens, TIMES[:1], Conditioning(grouped=vector[:, None].expand(-1, 2, -1)))
    pooled = model.predict(tokens, TIMES[:1], Conditioning(pooled=vector))
    torch.testing.assert_close(grouped, pooled, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("padded", [False, True])
def test_text_without_a_real_token(build, grids, collate, padded):
    """Finite, with finite gradients, and independent of what the masked text holds."""
    samples = grids(SIZES if padded else [(4, 4)] * 3)
    batch = collate(samples)
    batch = batch if padded else Tokens(features=batch.features, positions=batch.positions)
    model, mask = build(text_dim=TEXT), torch.tensor([[True] * 4, [False] * 4, [True, False, False, False]])
    text = torch.randn(3, 4, TEXT)
    out = model.predict(batch, TIMES, Conditioning(cross=text, cross_mask=mask))
    other = torch.where(mask[..., None], text, torch.full_like(text, 7.0))
    assert torch.equal(out, model.predict(batch, TIMES, Conditioning(cross=other, cross_mask=mask)))
    assert out.isfinite().all() and all(g.isfinite().all() for g in gradients(model, out.square().sum()).values())
    single = alone(model, samples, Conditioning(cross=text, cross_mask=mask))
    torch.testing.assert_close(out[1, : len(single[1])], single[1], atol=1e-5, rtol=1e-4)
