"""Initial weights: their bounds and spread, and layers that put out zero but learn."""

import torch
from torch import nn

from lumina.backbone.initialisation import xavier, zero_linear


def test_xavier_keeps_the_variance_of_width_to_width():
    """Uniform on +-sqrt(6 / (inputs + outputs)), so of variance 2 / (inputs + outputs), at whatever depth."""
    deep = nn.Sequential(nn.LayerNorm(300), nn.ModuleDict({"inner": nn.Linear(300, 500)}))
    xavier(deep)
    layer = deep[1]["inner"]
    bound = (6 / 800) ** 0.5
    assert layer.weight.abs().max() <= bound and layer.weight.abs().max() > 0.99 * bound
    torch.testing.assert_close(layer.weight.var(), torch.tensor(2 / 800), rtol=0.02, atol=0)
    assert not layer.bias.any()
    assert (deep[0].weight == 1).all()


def test_xavier_takes_layers_without_bias():
    layer = nn.Linear(4, 6, bias=False)
    before = layer.weight.clone()
    xavier(layer)
    assert not torch.equal(layer.weight, before)


def test_zero_linear_learns_from_its_first_step():
    layer, x = zero_linear(3, 2), torch.randn(5, 3)
    out = layer(x)
    assert not out.any()
    out.sum().backward()
    torch.testing.assert_close(layer.weight.grad, x.sum(0).expand(2, -1))
