"""AdamW with 8-bit moments, through torchao."""

from __future__ import annotations

import pytest
import torch
from torch import nn

pytest.importorskip("torchao")
pytestmark = pytest.mark.slow  # torchao compiles the step, once for each shape

from lumina.optimizers.adamw_8bit import AdamW8bit  # noqa: E402


def descend(optimizer, weight, target, steps):
    """Steps towards ``target``; every gradient is that of the squared distance."""
    for _ in range(steps):
        optimizer.zero_grad()
        (weight.float() - target).square().mean().backward()
        optimizer.step()
    return weight.detach().float().clone()


def test_follows_adamw_and_resumes(tmp_path):
    target = torch.randn(64, 64)
    weights = [nn.Parameter(torch.zeros(64, 64)) for _ in range(3)]
    exact = descend(torch.optim.AdamW([weights[0]], 1e-2, weight_decay=0.0), weights[0], target, 20)
    optimizer = AdamW8bit([weights[1]], 1e-2)
    descend(optimizer, weights[1], target, 10)

    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", map_location=lambda storage, _: storage, weights_only=True)
    assert state["state"][0]["exp_avg"]["codes"].dtype == torch.uint8
    weights[2].data.copy_(weights[1].data)
    resumed = AdamW8bit([weights[2]], 1e-2)
    resumed.load_state_dict(state)

    straight = descend(optimizer, weights[1], target, 10)
    assert torch.equal(descend(resumed, weights[2], target, 10), straight)
    assert (straight - exact).norm() < 0.05 * exact.norm()


def test_small_updates_of_bfloat16_weights_are_not_lost():
    moved = {}
    for rounding in (True, False):
        weight = nn.Parameter(torch.ones(64, 64, dtype=torch.bfloat16))
        optimizer = AdamW8bit([weight], 1e-4, stochastic_rounding=rounding)
        moved[rounding] = 1 - float(descend(optimizer, weight, torch.zeros(64, 64), 20).mean())
    assert moved[False] == 0  # a step is 1/39 of the distance to the next number below 1
    assert moved[True] == pytest.approx(20 * 1e-4, rel=0.2)
