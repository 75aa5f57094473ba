"""What enters the backbone: sinusoids of time, the mean of the text, tokens in the weights' precision."""

import pytest
import torch
from torch import nn

from lumina.backbone.embedding import FREQUENCIES, LinearEmbedding, PooledText, TimeEmbedding


def sinusoids(t):
    """What reaches the MLP of the time embedding."""
    embedding, seen = TimeEmbedding(8), []
    with embedding.mlp.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0])):
        embedding(t)
    return seen[0]


def test_sinusoids_of_the_unscaled_time():
    """cos(t w), then sin(t w), with w_i = 10000^(-i / 128)."""
    t = torch.tensor([0.0, 0.3, 1.0])
    angles = t.double()[:, None] * 10000.0 ** -(torch.arange(FREQUENCIES, dtype=torch.float64) / FREQUENCIES)
    torch.testing.assert_close(sinusoids(t).double(), torch.cat((angles.cos(), angles.sin()), 1), atol=1e-6, rtol=0)


def test_times_close_to_one_another_are_told_apart():
    """The cosine alone is flat at noise; the sines are not."""
    first, second = sinusoids(torch.tensor([0.0, 1e-3]))
    assert (first - second).norm() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_time_comes_out_in_the_weights_precision(dtype):
    embedding = TimeEmbedding(8).to(dtype)
    assert embedding(torch.tensor([0.5], dtype=torch.float64)).dtype == dtype


def test_tokens_are_taken_in_the_weights_precision():
    layer = LinearEmbedding(4, 6).bfloat16()
    features = torch.randn(2, 3, 4)
    assert torch.equal(layer(features), nn.functional.linear(features.bfloat16(), layer.weight, layer.bias))
    assert not layer.bias.any()


def random_pool():
    pool = PooledText(6, 4)
    for parameter in pool.parameters():
        nn.init.normal_(parameter)
    return pool


def test_text_adds_nothing_at_first():
    assert not PooledText(6, 4)(torch.randn(2, 5, 6)).any()


def test_the_mean_is_that_of_the_real_tokens():
    pool, text, lengths = random_pool(), torch.randn(3, 5, 6), (5, 2, 0)
    mask = torch.arange(5) < torch.tensor(lengths)[:, None]
    pooled = pool(text.masked_fill(~mask[..., None], 1e4), mask)
    for row, (length, sample) in zip(pooled, zip(lengths, text, strict=True), strict=True):
        mean = sample[:length].mean(0) if length else torch.zeros(6)
        expected = pool[1](nn.functional.layer_norm(mean, (6,), pool[0].weight, pool[0].bias))
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(pool(text), pool(text, torch.ones(3, 5, dtype=torch.bool)), atol=1e-5, rtol=1e-4)
