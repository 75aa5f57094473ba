"""Half precision is of the weights alone."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch.plugins import DoublePrecision, HalfPrecision
from torch import nn

from lumina.workarounds.half_precision import halve_weights_alone


@pytest.fixture(params=["bf16-true", "16-true"])
def plugin(request):
    return HalfPrecision(request.param)


def test_lightning_halves_data_and_constants(plugin):
    assert plugin.convert_input({"sound": torch.ones(2)})["sound"].dtype != torch.float32
    with plugin.train_step_context():
        assert torch.zeros(1).dtype != torch.float32


def test_weights_alone_are_halved(plugin):
    halve_weights_alone(plugin)
    batch = {"sound": torch.ones(2)}
    assert plugin.convert_input(batch) is batch
    for context in (plugin.train_step_context, plugin.val_step_context, plugin.test_step_context):
        with context():
            assert torch.zeros(1).dtype == torch.float32
    assert plugin.convert_module(nn.Linear(2, 2)).weight.dtype == plugin._desired_input_dtype


def test_wider_data_stay_wide():
    plugin = DoublePrecision()
    halve_weights_alone(plugin)
    assert plugin.convert_input(torch.ones(2)).dtype == torch.float64
