"""What the switches of the config change, against formulas written out here."""

import pytest
import torch
from torch import nn
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention, silu

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.layout import Layout
from lumina.values import Conditioning, Inference, Tokens

T = torch.tensor([0.3, 0.8])
NOTHING = Conditioning()
SIT = {
    "positions": "sincos",
    "norm": "layer",
    "post_norm": False,
    "affine_pre_norm": False,
    "qk_norm": None,
    "modulation": "shift_scale_gate",
    "tanh_gates": False,
    "feed_forward": "gelu",
    "bias": True,
    "num_kv_heads": 4,
    "final_shift": True,
    "learn_sigma": True,
}
FLAG = {"positions": "rope_1d", "post_norm": False, "modulation": "shift_scale_gate", "tanh_gates": False}
NEXT = {"text_dim": 10, "pad_token": True, "learn_sigma": True}
LEARNED = {"modulation": "learned"}


@pytest.fixture
def batch(grids):
    samples = grids([(3, 4), (3, 4)])
    return Tokens(
        features=torch.cat([x.features for x in samples]), positions=torch.cat([x.positions for x in samples])
    )


@pytest.mark.parametrize("config", [NEXT, FLAG | {"line_tokens": True}, SIT, {"long_skip": True}])
def test_fresh_network_puts_out_zero_and_passes_its_input_through(batch, config):
    """Every block is the identity, so the last features are the embedded tokens; the head alone learns at first."""
    sizes = {"dim": 48, "num_layers": 3, "num_heads": 4, "token_dim": 5, "position_axes": 2}
    model = NextDiT(NextDiTConfig(**sizes | config))
    cond = Conditioning(cross=torch.randn(2, 3, 10), pooled=torch.randn(2, 48))
    out = model.predict(batch, T, cond)
    assert out.shape == batch.features.shape and (out == 0).all()
    if config is not SIT:
        assert torch.equal(model.features(batch, T, cond), model.x_embedder(batch.features))
    (out - 1).square().sum().backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()} == {
        "final_layer.linear.weight",
        "final_layer.linear.bias",
    }


@pytest.mark.parametrize("config", [{}, LEARNED])
def test_fresh_block_is_the_identity(config):
    config = NextDiTConfig(dim=48, num_layers=1, num_heads=4, token_dim=5, position_axes=2, **config)
    block, x = NextDiT(config).layers[0], torch.randn(2, 6, 48)
    assert torch.equal(block(x, torch.randn(2, 48), None, Layout(shape=(2, 6)), None), x)


def heads(x):
    return x.unflatten(-1, (4, -1)).transpose(1, 2)


def test_sit_block_is_that_of_dit(build):
    """x += g1 Attn(LN(x) (1 + s1) + b1), x += g2 MLP(LN(x) (1 + s2) + b2); chunks b1, s1, g1, b2, s2, g2."""
    block = build(**SIT).layers[0]
    x, vectors = torch.randn(2, 6, 48), torch.randn(2, 48)
    mod = block.adaLN_modulation[1]
    b1, s1, g1, b2, s2, g2 = linear(silu(vectors), mod.weight, mod.bias)[:, None].chunk(6, -1)
    a, f = block.attention, block.feed_forward
    h = layer_norm(x, (48,), eps=1e-5) * (1 + s1) + b1
    mixed = scaled_dot_product_attention(heads(a.wq(h)), heads(a.wk(h)), heads(a.wv(h)))
    expected = x + g1 * a.wo(mixed.transpose(1, 2).flatten(2))
    h = layer_norm(expected, (48,), eps=1e-5) * (1 + s2) + b2
    expected = expected + g2 * f.w2(gelu(f.w1(h), approximate="tanh"))
    got = block(x, vectors, None, Layout(shape=(2, 6)), None)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


def test_next_dit_block_is_a_sandwich(build):
    """x += tanh(g1) RMS(Attn(RMS(x) (1 + s1))), then SwiGLU likewise; queries and keys normed over all heads."""
    block = build(num_kv_heads=4).layers[0]
    x, vectors = torch.randn(2, 6, 48), torch.randn(2, 48)
    mod = block.adaLN_modulation[1]
    s1, g1, s2, g2 = linear(silu(vectors), mod.weight, mod.bias)[:, None].chunk(4, -1)
    a, f = block.attention, block.feed_forward

    def rms(x, norm):
        return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * norm.weight

    h = rms(x, block.attention_norm1) * (1 + s1)
    q, k = (layer_norm(w(h), (48,), n.weight, n.bias) for w, n in ((a.wq, a.q_norm), (a.wk, a.k_norm)))
    mixed = scaled_dot_product_attention(heads(q), heads(k), heads(a.wv(h)))
    expected = x + g1.tanh() * rms(a.wo(mixed.transpose(1, 2).flatten(2)), block.attention_norm2)
    h = rms(expected, block.ffn_norm1) * (1 + s2)
    expected = expected + g2.tanh() * rms(f.w2(silu(f.w1(h)) * f.w3(h)), block.ffn_norm2)
    got = block(x, vectors, None, Layout(shape=(2, 6)), None)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


def test_grouped_queries_are_repeated_keys(build, batch):
    """Query head i reads key/value head i // 2: the same as full attention with each key head written twice."""
    grouped, full = build(num_kv_heads=2), build(num_kv_heads=4)
    state = grouped.state_dict()
    for name in full.state_dict():
        if any(part in name for part in ("wk.", "wv.")):
            state[name] = state[name].unflatten(0, (2, 12)).repeat_interleave(2, 0).flatten(0, 1)
        if "k_norm." in name:
            state[name] = state[name].unflatten(0, (2, 12)).repeat_interleave(2, 0).flatten(0, 1)
    full.load_state_dict(state)
    out = [model.predict(batch, T, NOTHING) for model in (grouped, full)]
    torch.testing.assert_close(out[1], out[0], atol=1e-5, rtol=1e-4)


def test_per_head_norm(build):
    norm = build(qk_norm="per_head").layers[0].attention.q_norm
    x = torch.randn(2, 6, 48)
    expected = torch.stack([layer_norm(h, (12,), norm.weight, norm.bias) for h in x.split(12, -1)], 2)
    torch.testing.assert_close(norm(x), expected)


@pytest.mark.parametrize("layers", [2, 4, 5])
def test_long_skips_join_first_and_last(build, batch, layers):
    """Block i from the start reaches block i from the end; in between a middle block stands alone."""
    model = build(num_layers=layers, long_skip=True, positions="sincos")
    assert len(model.skips) == layers // 2
    seen = []
    for layer in model.layers:
        layer.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
    model.predict(batch, T, NOTHING)
    for i, skip in enumerate(model.skips):
        late = layers - 1 - i
        joined = linear(torch.cat((seen[late - 1][1], seen[i][1]), -1), skip.join.weight, skip.join.bias)
        torch.testing.assert_close(seen[late][0], joined)


@pytest.mark.parametrize("padded", [False, True])
def test_recognition_has_no_time(build, grids, collate, padded):
    """Gates are parameters, so nothing is modulated and the condition vectors are not read."""
    model = build(**LEARNED)
    assert not any(name.startswith(("t_embedder", "final_layer")) for name in model.state_dict())
    tokens = collate(grids([(3, 4), (2, 2) if padded else (3, 4)]))
    out = model.features(tokens, None, NOTHING)
    assert out.shape == (2, 12, 48) and out.isfinite().all()
    x = model.x_embedder(tokens.features)
    for layer in model.layers:
        layer.adaLN_modulation.attention.data.zero_()
        layer.adaLN_modulation.feed_forward.data.zero_()
    expected = torch.where(tokens.mask[..., None], x, torch.zeros(()))
    assert torch.equal(model.features(tokens, None, NOTHING), expected)
    with pytest.raises(ValueError, match=r"modulation=learned, .* use features\(\)"):
        model.predict(tokens, T, NOTHING)


def test_flag_dit_counts_tokens(build, batch):
    """One-dimensional RoPE turns by the index in the sequence, whatever the positions say."""
    model = build(**FLAG)
    elsewhere = Tokens(features=batch.features, positions=batch.positions.flip(1) * 3)
    assert torch.equal(model.predict(batch, T, NOTHING), model.predict(elsewhere, T, NOTHING))
    backwards = Tokens(features=batch.features.flip(1), positions=batch.positions)
    out = model.predict(backwards, T, NOTHING).flip(1)
    assert (out - model.predict(batch, T, NOTHING)).abs().max() > 1e-3


@pytest.mark.parametrize("config", [{}, SIT])
def test_points_without_axes_are_a_set(build, config):
    """With no position axis the network commutes with every permutation of its tokens."""
    model, x = build(**config | {"position_axes": 0}), torch.randn(2, 7, 5)
    order = torch.randperm(7)
    out, shuffled = (
        model.predict(Tokens(features=y, positions=torch.zeros(2, 7, 0)), T, NOTHING) for y in (x, x[:, order])
    )
    torch.testing.assert_close(shuffled, out[:, order], atol=1e-5, rtol=1e-4)


def test_an_embedding_of_the_modality_sees_time_padding_and_options(build, batch):
    options = Inference(rope_rule="ntk")

    class Timed(nn.Linear):
        def forward(self, features, t, mask=batch.mask, inference=options):
            assert mask is batch.mask
            assert inference is options
            return super().forward(features * t[:, None, None])

    config = build().config
    model = NextDiT(config, input_embedding=Timed(5, 48))
    expected = model.x_embedder(batch.features, T)
    assert torch.equal(model.features(batch, T, NOTHING, options), expected)


@pytest.mark.parametrize("padded", [False, True])
def test_recomputed_activations_give_the_same_gradients(build, grids, collate, padded):
    tokens = collate(grids([(3, 4), (2, 2) if padded else (3, 4)]))
    cond = Conditioning(cross=torch.randn(2, 3, 10))
    found = []
    for activation_checkpointing in (False, True):
        model = build(text_dim=10, activation_checkpointing=activation_checkpointing)
        model.predict(tokens, T, cond).square().sum().backward()
        found.append({name: p.grad for name, p in model.named_parameters()})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, atol=0, rtol=1e-5)


@pytest.mark.slow
def test_compiled_blocks_give_the_same(build, grids, collate):
    """Forward and backward, packed and not, at changing lengths; parameter names stay."""
    plain, fast = (build(text_dim=10) for _ in range(2))
    fast.compile_blocks()
    assert fast.state_dict().keys() == plain.state_dict().keys()
    for sizes in ([(3, 4), (2, 2)], [(3, 4), (3, 4)], [(2, 5), (4, 4)]):
        tokens = collate(grids(sizes))
        cond = Conditioning(cross=torch.randn(2, 3, 10), cross_mask=torch.tensor([[True] * 3, [True, False, False]]))
        out = [model.predict(tokens, T, cond) for model in (plain, fast)]
        torch.testing.assert_close(out[1], out[0], atol=1e-5, rtol=1e-4)
        for model, result in zip((plain, fast), out, strict=True):
            model.zero_grad()
            result.square().sum().backward()
        for (name, p), q in zip(plain.named_parameters(), fast.parameters(), strict=True):
            torch.testing.assert_close(q.grad, p.grad, atol=1e-3, rtol=1e-3, msg=name)
