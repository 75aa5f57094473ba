"""One block against formulas written out here; recomputed and compiled, it gives the gradients of neither."""

import pytest
import torch
from tiny_backbones import SIT
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention, silu

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.layout import Layout
from lumina.values import Conditioning, Tokens

SHAPES = [(8, 64, False), (16, 16, False), (3, 16, True), (16, 16, False)]  # samples, tokens, of mixed sizes
LEARNED = {"modulation": "learned"}


def gradients(model, samples, length, mixed):
    generator = torch.Generator().manual_seed(samples)
    rows = torch.arange(length) // 4
    positions = torch.stack((rows, torch.arange(length) % 4), 1).expand(samples, -1, -1)
    mask = torch.arange(length) < length - torch.arange(samples)[:, None] if mixed else None
    tokens = Tokens(features=torch.randn(samples, length, 12, generator=generator), positions=positions, mask=mask)
    model.zero_grad()
    out = model.predict(tokens, torch.rand(samples, generator=generator), Conditioning())
    out.square().sum().backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def compare(build, compile_):
    plain, both = build(token_dim=12), build(token_dim=12, activation_checkpointing=True)
    compile_(both)
    for shape in SHAPES:
        expected = gradients(plain, *shape)
        found = gradients(both, *shape)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, atol=1e-4, rtol=1e-3)


def test_gradients_through_recomputed_graphs(build):
    compare(build, lambda model: [layer.compile(dynamic=True, backend="aot_eager") for layer in model.layers])


@pytest.mark.slow  # compiles
def test_gradients_through_recomputed_kernels(build):
    compare(build, lambda model: model.compile_blocks())


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
