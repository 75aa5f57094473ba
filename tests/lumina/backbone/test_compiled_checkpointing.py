"""Recomputed activations and compiled blocks together give the gradients of neither, whatever shape came before."""

import pytest
import torch

from lumina.values import Conditioning, Tokens

SHAPES = [(8, 64, False), (16, 16, False), (3, 16, True), (16, 16, False)]  # samples, tokens, of mixed sizes


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
