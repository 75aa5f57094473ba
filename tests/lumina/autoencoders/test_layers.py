"""The layers of the mel VAE against their formulas, in float64."""

import math

import pytest
import torch
from torch.nn import functional as F

from lumina.autoencoders.layers import Attention, Downsample, Level, Middle, ResBlock, Style, Upsample


def randomised(layer):
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return layer.double()


def group_norm(x, layer):
    """By the definition: each group of channels over all frames."""
    grouped = x.reshape(len(x), layer.num_groups, -1)
    variance = grouped.var(-1, unbiased=False, keepdim=True)
    standard = ((grouped - grouped.mean(-1, keepdim=True)) / (variance + 1e-6).sqrt()).reshape(x.shape)
    return standard * layer.weight[:, None] + layer.bias[:, None]


def convolution(x, layer):
    """By the definition: the frames of each place times the weights, zeros outside."""
    reach = layer.kernel_size[0] // 2
    windows = F.pad(x, (reach, reach)).unfold(-1, 2 * reach + 1, 1)
    return torch.einsum("bctk,ock->bot", windows, layer.weight) + layer.bias[:, None]


@pytest.mark.parametrize(("inputs", "outputs"), [(8, 8), (8, 16)])
def test_a_block_is_norm_silu_convolution_twice_beside_a_shortcut(inputs, outputs):
    block = randomised(ResBlock(inputs, outputs, Style(kernel=5, groups=4, dropout=0.0)))
    x = torch.randn(2, inputs, 9, dtype=torch.float64)
    h = group_norm(x, block.norm1)
    h = convolution(h * torch.sigmoid(h), block.conv1)
    h = group_norm(h, block.norm2)
    h = convolution(h * torch.sigmoid(h), block.conv2)
    shortcut = x if inputs == outputs else convolution(x, block.nin_shortcut)
    torch.testing.assert_close(block(x), shortcut + h, rtol=1e-12, atol=1e-12)


def test_attention_has_one_head_over_all_frames():
    layer, x = randomised(Attention(8, 2)), torch.randn(2, 8, 7, dtype=torch.float64)
    h = group_norm(x, layer.norm)
    q, k, v = (convolution(h, part) for part in (layer.q, layer.k, layer.v))
    weights = torch.softmax(torch.einsum("bci,bcj->bij", q, k) / math.sqrt(8), dim=-1)
    expected = x + convolution(torch.einsum("bij,bcj->bci", weights, v), layer.proj_out)
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)


def test_a_level_changes_the_length_after_its_blocks():
    style, x = Style(kernel=3, groups=2, dropout=0.0), torch.randn(1, 4, 6, dtype=torch.float64)
    level = randomised(Level(4, 8, 2, style, upsample=Upsample(8)))
    assert torch.equal(level(x), level.upsample(level.block[1](level.block[0](x))))
    assert Level(4, 8, 1, style)(x.float()).shape == (1, 8, 6)


def test_the_middle_is_block_attention_block():
    middle, x = randomised(Middle(8, Style(kernel=3, groups=2, dropout=0.0))), torch.randn(1, 8, 6, dtype=torch.float64)
    assert torch.equal(middle(x), middle.block_2(middle.attn_1(middle.block_1(x))))


def test_halving_sees_one_frame_beyond_the_end():
    layer, x = randomised(Downsample(4)), torch.randn(1, 4, 6, dtype=torch.float64)
    padded = F.pad(x, (0, 1))
    places = [torch.einsum("bck,ock->bo", padded[..., t : t + 3], layer.conv.weight) for t in (0, 2, 4)]
    torch.testing.assert_close(layer(x), torch.stack(places, -1) + layer.conv.bias[:, None], rtol=1e-12, atol=1e-12)


def test_doubling_repeats_each_frame():
    layer, x = randomised(Upsample(4)), torch.randn(1, 4, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x), convolution(x[..., [0, 0, 1, 1, 2, 2]], layer.conv), rtol=1e-12, atol=1e-12)
