"""Decay of matrices alone."""

import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.optimizers.adamw import AdamW


def test_vectors_are_left_alone():
    config = NextDiTConfig(dim=16, num_layers=1, num_heads=2, modulation="learned", token_dim=3, position_axes=2)
    network = NextDiT(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    optimizer = AdamW(network.parameters(), lr=0.5, weight_decay=0.1)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in network.named_parameters():
        expected = 0.95 if name.endswith("weight") and "norm" not in name else 1.0
        torch.testing.assert_close(parameter, torch.full_like(parameter, expected), msg=name)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(network.parameters()))
