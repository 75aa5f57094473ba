"""Queries, keys and values, against formulas written out here."""

import torch
from torch.nn.functional import layer_norm

from lumina.backbone.attention import attend
from lumina.backbone.layout import Layout
from lumina.backbone.rope import rotary_table
from lumina.backbone.text import Text
from lumina.values import Conditioning

T = torch.tensor([0.3, 0.8])
NOTHING = Conditioning()
TEXT = 10


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


def test_closed_gates_leave_only_the_pooled_text(build, grids):
    """With every per-head gate at 0 the caption's order cannot matter, only its mean."""
    model, tokens = build(text_dim=TEXT), grids([(3, 3)])[0]
    text = torch.randn(1, 4, TEXT)
    shuffled = text.mean(1, keepdim=True).expand_as(text)

    def difference():
        a, b = (model.predict(tokens, T[:1], Conditioning(cross=x)) for x in (text, shuffled))
        return (a - b).abs().max()

    assert difference() > 1e-3
    for layer in model.layers:
        layer.attention.gate.data.zero_()
    assert difference() < 1e-5


def softmax(q, k, v, scale=1.0):
    """Attention written out in float64: ``[B, L, H, d]`` each."""
    q, k, v = (x.double().transpose(1, 2) for x in (q, k, v))
    weights = (scale * q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
    return (weights @ v).transpose(1, 2).float()


def test_scale_is_that_of_the_width_of_a_head():
    q, k, v = torch.randn(3, 2, 5, 4, 6)
    torch.testing.assert_close(attend(q, k, v, None), softmax(q, k, v), atol=1e-5, rtol=1e-4)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    masked = attend(q, k, v, None, mask)
    torch.testing.assert_close(masked[1], softmax(q[1:], k[1:, :3], v[1:, :3])[0], atol=1e-5, rtol=1e-4)


def plain_attention(build, **config):
    """An attention whose output projection is the identity, so that heads lie side by side in what it puts out."""
    attention = build(num_kv_heads=4, **config).layers[0].attention
    torch.nn.init.eye_(attention.wo.weight)
    return attention


def test_proportional_attention_sharpens_self_attention_alone(build):
    """The factor multiplies the logits of tokens; those of text stay as they are."""
    attention, x, text = plain_attention(build, text_dim=TEXT), torch.randn(2, 5, 48), torch.randn(2, 3, TEXT)
    q, k, v = (
        attention.q_norm(attention.wq(x)),
        attention.k_norm(attention.wk(x)),
        attention.wv(x).unflatten(-1, (4, 12)),
    )
    keys = attention.text_keys(text)
    across = attention.gate.tanh()[:, None] * softmax(q, *keys)
    for scale in (None, 1.7):
        got = attention(x, None, Layout(shape=(2, 5), query_scale=scale), keys, Text(features=text))
        expected = softmax(q, k, v, scale or 1.0) + across
        torch.testing.assert_close(got.unflatten(-1, (4, 12)), expected, atol=1e-5, rtol=1e-4)


def test_each_head_has_a_gate_of_its_own(build):
    attention, x, text = plain_attention(build, text_dim=TEXT), torch.randn(2, 5, 48), torch.randn(2, 3, TEXT)
    attention.gate.data = torch.tensor([0.0, 0.0, 0.7, 0.0])
    keys, layout = attention.text_keys(text), Layout(shape=(2, 5))
    told = attention(x, None, layout, keys, Text(features=text)) - attention(x, None, layout, None, None)
    changed = told.unflatten(-1, (4, 12)).abs().amax((0, 1, 3)) > 1e-6
    assert changed.tolist() == [False, False, True, False]


def test_text_has_no_order(build):
    """Its keys are not turned by positions: a shuffled text is the same text."""
    attention, x, text = plain_attention(build, text_dim=TEXT), torch.randn(2, 5, 48), torch.randn(2, 4, TEXT)
    table, layout = rotary_table(torch.arange(5).view(1, 5, 1), (12,), 100.0, "interleaved"), Layout(shape=(2, 5))
    one, other = (
        attention(x, table, layout, attention.text_keys(y), Text(features=y)) for y in (text, text[:, [2, 0, 3, 1]])
    )
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
