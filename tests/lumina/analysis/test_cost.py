"""Operations of an evaluation, against counts by hand."""

import torch

from lumina.analysis.cost import medians, operations
from lumina.backbone import NextDiT, NextDiTConfig
from lumina.values import Conditioning, Tokens

D, HEADS, KV, LAYERS, TOKENS, F = 32, 4, 2, 3, 20, 5


def test_operations_of_a_network():
    """Two for each weight of a matrix and token; attention 4 H L^2 d a layer, whatever the key/value heads."""
    config = NextDiTConfig(
        dim=D, num_layers=LAYERS, num_heads=HEADS, num_kv_heads=KV, token_dim=F, position_axes=1, multiple_of=8
    )
    model = NextDiT(config)
    tokens = Tokens(features=torch.randn(1, TOKENS, F), positions=torch.arange(TOKENS).view(1, -1, 1))
    with torch.no_grad():
        attention, linear = operations(lambda: model.predict(tokens, torch.tensor([0.5]), Conditioning()))
    assert attention == LAYERS * 4 * D * TOKENS**2
    matrices = {name: p for name, p in model.named_parameters() if p.dim() == 2}
    once = [p.numel() for name, p in matrices.items() if "adaLN" in name or "t_embedder" in name]
    a_token = [p.numel() for name, p in matrices.items() if not ("adaLN" in name or "t_embedder" in name)]
    assert linear == 2 * (sum(once) + TOKENS * sum(a_token))


def test_each_round_begins_with_another_call():
    """So that what a call leaves behind, in caches or clocks, is spread over all of them."""
    order = []
    calls = {name: (lambda name=name: order.append(name)) for name in "abc"}
    found = medians(calls, 3, torch.device("cpu"))
    assert "".join(order) == "abcbcacab"
    assert set(found) == set("abc") and all(value >= 0 for value in found.values())
