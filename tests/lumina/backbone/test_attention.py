"""Queries, keys and values, against formulas written out here."""

import torch
from torch.nn.functional import layer_norm

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
