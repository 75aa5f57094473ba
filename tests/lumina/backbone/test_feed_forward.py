"""Feed-forward networks, against closed forms in float64."""

import math

import pytest
import torch

from lumina.backbone import NextDiTConfig
from lumina.backbone.feed_forward import GELUFeedForward, SwiGLU


def sizes(**settings):
    return NextDiTConfig(**{"dim": 12, "num_heads": 2, "multiple_of": 8} | settings)


def test_swiglu():
    """w2 (a sigmoid(a) b) with a = w1 x and b = w3 x."""
    layer, x = SwiGLU(sizes()).double(), torch.randn(2, 5, 12, dtype=torch.float64)
    a, b = x @ layer.w1.weight.T, x @ layer.w3.weight.T
    torch.testing.assert_close(layer(x), (a / (1 + (-a).exp()) * b) @ layer.w2.weight.T)


def test_gelu_is_the_tanh_approximation():
    """w2 (a / 2) (1 + tanh(sqrt(2 / pi) (a + 0.044715 a^3))), which is not the exact one."""
    layer, x = GELUFeedForward(sizes(feed_forward="gelu")).double(), torch.randn(2, 5, 12, dtype=torch.float64)
    a = x @ layer.w1.weight.T
    approximate = a / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)))
    exact = a / 2 * (1 + torch.erf(a / math.sqrt(2)))
    torch.testing.assert_close(layer(x), approximate @ layer.w2.weight.T)
    assert not torch.allclose(layer(x), exact @ layer.w2.weight.T, atol=1e-6)


@pytest.mark.parametrize("multiple_of", [1, 32, 256])
@pytest.mark.parametrize("dim", [12, 384, 768, 2304, 4096])
def test_width_of_swiglu_is_the_next_multiple(dim, multiple_of):
    """Two thirds of 4D, rounded up: as many parameters as three matrices for two of 4D."""
    with torch.device("meta"):
        layer = SwiGLU(sizes(dim=dim, multiple_of=multiple_of))
    width = layer.w2.in_features
    assert width % multiple_of == 0
    assert int(8 * dim / 3) <= width < int(8 * dim / 3) + multiple_of


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("kind", "layer"), [("swiglu", SwiGLU), ("gelu", GELUFeedForward)])
def test_biases_are_there_where_asked(kind, layer, bias):
    built = layer(sizes(feed_forward=kind, bias=bias))
    assert {name.endswith("bias") for name, _ in built.named_parameters()} == ({True, False} if bias else {False})
    if bias:
        assert not any(x.any() for name, x in built.named_parameters() if name.endswith("bias"))
