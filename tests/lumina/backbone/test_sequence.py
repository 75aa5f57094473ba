"""Clean tokens beside the noisy ones: seen, and otherwise as if they were not there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.objectives.flow_matching import FlowMatching
from lumina.randomness import Purpose, keyed_generator
from lumina.sampling.guidance import ClassifierFree
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Euler
from lumina.values import Conditioning, ContextDrop, Inference, Prefix, StepCache, Tokens

TIMES = torch.tensor([0.1, 0.5, 0.9])
FLAG = {"positions": "rope_1d", "modulation": "shift_scale_gate", "tanh_gates": False}
SIZES = [(2, 3), (4, 4), (1, 5)]
VARIANTS = {
    "plain": {},
    "padded": {"mixed_sizes": "padded"},
    "flag": FLAG,
    "lines": FLAG | {"line_tokens": True},
    "sincos": {"positions": "sincos"},
    "pad token": {"pad_token": True, "mixed_sizes": "padded"},
    "text": {"text_dim": 10},
}


@pytest.fixture
def canvas(grids):
    """Three noisy samples on one grid, without groups."""
    samples = grids([(3, 3)] * 3)
    features = torch.cat([sample.features for sample in samples])
    return Tokens(features=features, positions=samples[0].positions.expand(3, -1, -1))


@pytest.fixture
def clean(grids, collate):
    """Three prefixes of different sizes as one padded batch."""
    tokens = collate(grids([(2, 2), (1, 3), (3, 3)], seed=5))
    return Prefix(tokens=replace(tokens, groups=None))


def without(prefix, *samples):
    mask = prefix.tokens.mask.clone()
    mask[list(samples)] = False
    return replace(prefix, tokens=replace(prefix.tokens, mask=mask))


def one(tokens, index):
    """A sample's own tokens, without padding."""
    real = slice(None) if tokens.mask is None else tokens.mask[index]
    groups = None if tokens.groups is None else tokens.groups[index : index + 1, real]
    return Tokens(
        features=tokens.features[index : index + 1, real],
        positions=tokens.positions[index : index + 1, real],
        groups=groups,
    )


def text(config, index=slice(None)):
    generator = torch.Generator().manual_seed(7)
    return torch.randn(3, 4, 10, generator=generator)[index] if "text_dim" in config else None


@pytest.mark.parametrize("name", VARIANTS)
def test_a_prefix_left_out_is_no_prefix(build, canvas, clean, name):
    model, cross = build(**VARIANTS[name]), text(VARIANTS[name])
    bare = model.predict(canvas, TIMES, Conditioning(cross=cross))
    dropped = model.predict(canvas, TIMES, Conditioning(cross=cross, prefix=without(clean, 0, 1, 2)))
    torch.testing.assert_close(dropped, bare, atol=1e-6, rtol=1e-5)
    present = model.predict(canvas, TIMES, Conditioning(cross=cross, prefix=clean))
    assert ((present - bare).abs().amax((1, 2)) > 1e-3).all()


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("ragged", [False, True], ids=["equal", "ragged"])
def test_mixed_presence_is_as_good_as_one_by_one(build, grids, collate, canvas, clean, name, ragged):
    model, config = build(**VARIANTS[name]), VARIANTS[name]
    tokens = replace(collate(grids(SIZES)), groups=None) if ragged else canvas
    mixed = without(clean, 1)
    together = model.predict(tokens, TIMES, Conditioning(cross=text(config), prefix=mixed))
    for index in range(3):
        prefix = None if index == 1 else Prefix(tokens=one(mixed.tokens, index))
        cond = Conditioning(cross=text(config, slice(index, index + 1)), prefix=prefix)
        alone = model.predict(one(tokens, index), TIMES[index : index + 1], cond)[0]
        torch.testing.assert_close(together[index, : len(alone)], alone, atol=1e-5, rtol=1e-4)
    assert together.shape == tokens.features.shape
    if tokens.mask is not None:
        assert (together[~tokens.mask] == 0).all()


def test_rows_may_change_places(build, canvas, clean):
    model, order = build(), torch.tensor([2, 0, 0, 1])
    expected = model.predict(canvas, TIMES, Conditioning(prefix=clean))[order]
    tokens = Tokens(features=canvas.features[order], positions=canvas.positions[order])
    moved = {name: getattr(clean.tokens, name)[order] for name in ("features", "positions", "mask")}
    got = model.predict(tokens, TIMES[order], Conditioning(prefix=Prefix(tokens=Tokens(**moved))))
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("mixed_sizes", ["packed", "padded"])
@pytest.mark.parametrize(
    "inference",
    [
        Inference(proportional_base=4),
        Inference(rope_rule="ntk", trained_length=(2, 2)),
        Inference(rope_rule="time_aware", trained_length=(2, 2)),
        Inference(context_drop=ContextDrop()),
        Inference(context_drop=ContextDrop(before_rope=False)),
    ],
    ids=["proportional", "ntk", "time_aware", "drop", "drop after"],
)
def test_options_are_those_of_the_canvas(build, canvas, clean, inference, mixed_sizes):
    """However far a prefix reaches, a sample is as large as its noisy tokens say."""
    model, t = build(mixed_sizes=mixed_sizes), torch.full((3,), 0.4)
    far = replace(clean, tokens=replace(clean.tokens, positions=clean.tokens.positions + 50))
    bare = model.predict(canvas, t, Conditioning(), inference)
    torch.testing.assert_close(
        model.predict(canvas, t, Conditioning(prefix=without(far, 0, 1, 2)), inference), bare, atol=1e-6, rtol=1e-5
    )
    mixed = model.predict(canvas, t, Conditioning(prefix=without(far, 1)), inference)
    torch.testing.assert_close(mixed[1], bare[1], atol=1e-5, rtol=1e-4)
    unmasked = Prefix(tokens=one(far.tokens, 0))
    alone = model.predict(one(canvas, 0), t[:1], Conditioning(prefix=unmasked), inference)
    torch.testing.assert_close(mixed[:1], alone, atol=1e-5, rtol=1e-4)


def test_context_drop_averages_no_clean_token(build, canvas, clean):
    """Two clean tokens with the same mean on one square: dropping sees a difference."""
    model, t = build(), torch.zeros(3)
    tokens = one(clean.tokens, 0)
    shared = replace(tokens, positions=torch.zeros_like(tokens.positions))
    mean = replace(shared, features=shared.features.mean(1, keepdim=True).expand_as(shared.features))
    inference = Inference(context_drop=ContextDrop())
    outs = [
        model.predict(one(canvas, 0), t[:1], Conditioning(prefix=Prefix(tokens=x)), inference) for x in (shared, mean)
    ]
    assert (outs[0] - outs[1]).abs().max() > 1e-3


def test_the_told_time_is_the_groups_own(build, canvas, clean):
    model = build()

    def predict(times, t=TIMES):
        return model.predict(canvas, t, Conditioning(prefix=replace(clean, times=times)))

    assert not torch.allclose(predict((1.0,)), predict((None,)), atol=1e-3)
    half = torch.full((3,), 0.5)
    torch.testing.assert_close(predict((None,), half), predict((0.5,), half))
    groups = torch.arange(clean.tokens.features.shape[1]).expand(3, -1) % 2
    both = replace(clean, tokens=replace(clean.tokens, groups=groups), times=(1.0, 1.0))
    torch.testing.assert_close(model.predict(canvas, TIMES, Conditioning(prefix=both)), predict((1.0,)))


def test_groups_of_a_prefix_are_its_own(build, grids, clean):
    """Equal vectors for all groups of both are one pooled condition."""
    model, vector = build(), torch.randn(3, 48)
    samples = grids([(3, 3)] * 3)
    tokens = Tokens(
        features=torch.cat([s.features for s in samples]),
        positions=samples[0].positions.expand(3, -1, -1),
        groups=samples[0].groups.expand(3, -1),
    )
    grouped, own = vector[:, None].expand(-1, 2, -1), torch.zeros(3, 1, 48)
    pooled = model.predict(tokens, TIMES, Conditioning(pooled=vector, prefix=clean))
    equal = model.predict(tokens, TIMES, Conditioning(grouped=grouped, prefix=replace(clean, grouped=vector[:, None])))
    torch.testing.assert_close(equal, pooled, atol=1e-5, rtol=1e-4)
    other = model.predict(tokens, TIMES, Conditioning(grouped=grouped, prefix=replace(clean, grouped=own)))
    assert (other - equal).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((3, 6, 2), r"expected \(3, 5, 2\), got \(3, 6, 2\)"),
        ((2, 5, 3), r"expected \(3, 5, 2\), got \(2, 5, 3\)"),
    ],
)
def test_a_prefix_that_does_not_fit_is_refused(build, canvas, sizes, message):
    batch, width, axes = sizes
    tokens = Tokens(features=torch.zeros(batch, 4, width), positions=torch.zeros(batch, 4, axes))
    with pytest.raises(ValueError, match=message):
        build().predict(canvas, TIMES, Conditioning(prefix=Prefix(tokens=tokens)))


def test_vectors_for_other_groups_are_refused(build, canvas, clean):
    with pytest.raises(ValueError, match="vectors for 2 groups, but times for 1"):
        build().predict(canvas, TIMES, Conditioning(prefix=replace(clean, grouped=torch.zeros(3, 2, 48))))


def test_groups_that_are_not_told_apart_are_refused(build, canvas, clean):
    with pytest.raises(ValueError, match=r"2 groups, but tokens without groups"):
        build().predict(canvas, TIMES, Conditioning(prefix=replace(clean, times=(1.0, None))))


def test_cached_steps_are_those_without_a_cache(build, canvas, clean):
    model, cache = build(), StepCache()
    cond = Conditioning(prefix=replace(without(clean, 2), times=(None,)))
    with torch.no_grad():
        for time in (0.0, 0.4, 1.0):
            t = torch.full((3,), time)
            cached = model.predict(canvas, t, cond, Inference(cache=cache))
            assert torch.equal(cached, model.predict(canvas, t, cond))


def test_checkpointing_gives_the_same_gradients(build, canvas, clean):
    cond = Conditioning(prefix=without(clean, 1))
    gradients = []
    for again in (False, True):
        model = build(activation_checkpointing=again)
        model.predict(canvas, TIMES, cond).square().sum().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    torch.testing.assert_close(*gradients)


def test_guidance_without_the_prefix_in_the_null_branch(build, canvas, clean):
    model, objective = build(), FlowMatching()
    x, t = torch.randn(3, 9, 5), torch.tensor(0.3)
    cond = Conditioning(prefix=clean)
    for null in (Conditioning(), Conditioning(prefix=without(clean, 0, 1, 2))):
        field = objective.velocity_field(model, canvas, cond, null, guidance=ClassifierFree(3.0))
        with torch.no_grad():
            got = field(x, t)
            a, b = (objective.velocity_field(model, canvas, c, c)(x, t) for c in (cond, Conditioning()))
        torch.testing.assert_close(got, b + 3 * (a - b), atol=1e-4, rtol=1e-4)


def test_sampling_follows_the_prefix_alone(build, canvas, clean):
    """What is sampled has the canvas's places and length, and is the same with and without the rest of the batch."""
    model, objective = build(), FlowMatching(Sampler(Uniform(), Euler(), 3))
    noise, cond = torch.randn(3, 9, 5), Conditioning(prefix=without(clean, 1))
    drawn = objective.outputs(model, canvas, cond, Conditioning(), keyed_generator(Purpose.TEST, 0), noise=noise)
    assert drawn.features.shape == canvas.features.shape
    bare = objective.outputs(
        model, one(canvas, 1), Conditioning(), Conditioning(), keyed_generator(Purpose.TEST, 0), noise=noise[1:2]
    )
    torch.testing.assert_close(drawn.features[1:2], bare.features, atol=1e-5, rtol=1e-4)


def test_the_loss_knows_nothing_of_what_comes_out_at_the_prefix(build, canvas, clean):
    """It has the noisy tokens' shape, and its gradient reaches the clean features only through attention."""
    model, objective = build(), FlowMatching()
    features = clean.tokens.features.clone().requires_grad_()
    tokens = replace(clean.tokens, features=features)
    cond = Conditioning(prefix=Prefix(tokens=tokens))
    seen = {}
    predict = model.predict

    def spy(*args):
        seen["out"] = predict(*args)
        return seen["out"]

    model.predict = spy
    loss = objective.loss(model, canvas, cond, {}, keyed_generator(Purpose.TEST, 1))["loss"]
    assert seen["out"].shape == canvas.features.shape
    loss.backward()
    real = clean.tokens.mask
    assert (features.grad[real].abs().sum(-1) > 0).all() and (features.grad[~real] == 0).all()
    for layer in model.layers:  # deaf to other tokens, nothing is left of it
        layer.attention_norm2.weight.data.zero_()
    model.predict, features.grad = predict, None
    deaf = objective.loss(model, canvas, cond, {}, keyed_generator(Purpose.TEST, 1))["loss"]
    bare = objective.loss(model, canvas, Conditioning(), {}, keyed_generator(Purpose.TEST, 1))["loss"]
    torch.testing.assert_close(deaf, bare)
    deaf.backward()
    assert (features.grad == 0).all()


def test_learns_to_copy_the_prefix():
    """Data that is the prefix itself: with it the loss falls far below what is possible without."""

    def train(told):
        torch.manual_seed(0)
        config = NextDiTConfig(dim=32, num_layers=1, num_heads=2, token_dim=2, position_axes=1, multiple_of=16)
        model, objective, losses = NextDiT(config), FlowMatching(), []
        optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
        places = torch.arange(2)[None, :, None].expand(64, -1, -1)
        for step in range(200):
            tokens = Tokens(features=torch.randn(64, 2, 2), positions=places)
            cond = Conditioning(prefix=Prefix(tokens=tokens) if told else None)
            loss = objective.loss(model, tokens, cond, {}, keyed_generator(Purpose.TRAINING, step))["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return sum(losses[-10:]) / 10

    assert train(told=True) < 0.2 < 1 < train(told=False)


def test_regions_go_with_no_prefix(build, canvas, clean):
    cond = Conditioning(
        cross=torch.zeros(3, 4, 10),
        regions=torch.zeros(3, 9, dtype=torch.long),
        cross_regions=torch.zeros(3, 4, dtype=torch.long),
        prefix=clean,
    )
    with pytest.raises(ValueError, match="prefix"):
        build(text_dim=10).predict(canvas, TIMES, cond)


@pytest.mark.slow  # compiles
def test_compiled_blocks_give_the_same(build, canvas, clean):
    plain, fast = build(), build()
    fast.compile_blocks()
    whole = Prefix(tokens=replace(clean.tokens, mask=None))
    for prefix in (clean, without(clean, 1), whole, None):
        cond = Conditioning(prefix=prefix)
        got, expected = (model.predict(canvas, TIMES, cond) for model in (fast, plain))
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)
