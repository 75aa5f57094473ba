"""Compositional generation: each region of the canvas reads its own caption."""

import math
from dataclasses import replace

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.conditioning.concatenate import concatenate
from lumina.conditioning.regions import compose
from lumina.values import Conditioning, Tokens

TEXT = 10
T = torch.tensor([0.3, 0.7])


def model(cut=False, **config):
    """Every parameter random; ``cut`` leaves attention to text alone and no pooled text."""
    torch.manual_seed(0)
    sizes = {"dim": 48, "num_layers": 2, "num_heads": 4, "num_kv_heads": 2, "token_dim": 5, "position_axes": 2}
    backbone = NextDiT(NextDiTConfig(**sizes, text_dim=TEXT, multiple_of=16, **config))
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(torch.randn_like(parameter) / math.sqrt(parameter.shape[-1]))
        if cut:
            backbone.cap_embedder[1].weight.zero_()
            for layer in backbone.layers:
                layer.attention.wv.weight.zero_()
    return backbone


def canvas(size=(4, 6), padded=False):
    places = torch.cartesian_prod(*(torch.arange(n) for n in size))
    tokens = Tokens(features=torch.randn(2, len(places), 5), positions=places.expand(2, -1, -1))
    if not padded:
        return tokens
    small = torch.cartesian_prod(torch.arange(size[0] // 2), torch.arange(size[1] // 2))
    positions = torch.stack((places, torch.cat((small, torch.full((len(places) - len(small), 2), 99)))))
    mask = torch.arange(len(places)) < torch.tensor([[len(places)], [len(small)]])
    return replace(tokens, positions=positions, mask=mask)


def captions(count, lengths=(3, 5, 2, 4)):
    generator = torch.Generator().manual_seed(1)
    return [Conditioning(cross=torch.randn(2, lengths[n % 4], TEXT, generator=generator)) for n in range(count)]


def quarter(tokens, row, column, grid=(2, 2)):
    """Written out for each sample by itself."""
    chosen = torch.zeros(tokens.features.shape[:2], dtype=torch.bool)
    for sample in range(2):
        real = slice(None) if tokens.mask is None else tokens.mask[sample]
        places = tokens.positions[sample, real]
        height, width = (places.amax(0) + 1).tolist()
        for index, (h, w) in enumerate(places.tolist()):
            chosen[sample, index] = h * grid[0] // height == row and w * grid[1] // width == column
    return chosen


@pytest.mark.parametrize("padded", [False, True])
def test_a_region_reads_its_caption_and_no_other(padded):
    """Without self-attention each quarter is as if its caption were everyone's, and all four captions are used."""
    backbone, tokens, parts = model(cut=True), canvas(padded=padded), captions(4)
    mixed = backbone.predict(tokens, T, compose(parts, tokens, (2, 2)))
    for number, part in enumerate(parts):
        chosen = quarter(tokens, number // 2, number % 2)
        assert chosen.any(1).all()
        everyone = backbone.predict(tokens, T, part)
        torch.testing.assert_close(mixed[chosen], everyone[chosen], atol=1e-5, rtol=1e-4)
        others = ~chosen if tokens.mask is None else ~chosen & tokens.mask
        assert (mixed[others] - everyone[others]).abs().mean() > 1e-2


@pytest.mark.parametrize("grid", [(1, 1), (2, 2), (4, 1), (1, 4), (3, 2)])
@pytest.mark.parametrize("padded", [False, True])
def test_the_same_caption_everywhere_is_that_caption(grid, padded):
    backbone, tokens, part = model(), canvas(padded=padded), captions(1)[0]
    composed = compose([part] * math.prod(grid), tokens, grid)
    plain = backbone.predict(tokens, T, part)
    torch.testing.assert_close(backbone.predict(tokens, T, composed), plain, atol=1e-5, rtol=1e-4)


def test_regions_meet_in_self_attention_and_in_pooled_text():
    tokens, parts = canvas(), captions(2)
    other = [parts[0], captions(3)[2]]
    left = quarter(tokens, 0, 0, (1, 2))
    for backbone, meets in ((model(), True), (model(cut=True), False)):
        first, second = (backbone.predict(tokens, T, compose(x, tokens, (1, 2)))[left] for x in (parts, other))
        assert ((first - second).abs().max() > 1e-3) == meets


@pytest.mark.parametrize("padded", [False, True])
def test_an_empty_caption_adds_nothing(padded):
    """A masked caption of one region is finite and independent of what it holds."""
    backbone, tokens, (first, second) = model(), canvas(padded=padded), captions(2)
    nothing = torch.zeros(second.cross.shape[:2], dtype=torch.bool)
    outputs = [
        backbone.predict(tokens, T, compose([first, replace(second, cross=x, cross_mask=nothing)], tokens, (1, 2)))
        for x in (second.cross, 7 * second.cross)
    ]
    assert outputs[0].isfinite().all() and torch.equal(*outputs)


def test_guidance_joins_regions_with_a_plain_caption():
    backbone, tokens = model(), canvas()
    composed, null = compose(captions(4), tokens, (2, 2)), captions(1)[0]
    doubled = Tokens(features=tokens.features.repeat(2, 1, 1), positions=tokens.positions.repeat(2, 1, 1))
    both = backbone.predict(doubled, T.repeat(2), concatenate(composed, null))
    apart = torch.cat([backbone.predict(tokens, T, cond) for cond in (composed, null)])
    torch.testing.assert_close(both, apart, atol=1e-5, rtol=1e-4)
    swapped = backbone.predict(doubled, T.repeat(2), concatenate(null, composed))
    torch.testing.assert_close(swapped, apart.roll(2, 0), atol=1e-5, rtol=1e-4)


def test_what_does_not_fit_is_refused():
    tokens, parts = canvas(), captions(4)
    with pytest.raises(ValueError, match="2 x 2 regions needs 4 captions, got 3"):
        compose(parts[:3], tokens, (2, 2))
    with pytest.raises(ValueError, match="or other conditions too"):
        compose([replace(part, pooled=torch.zeros(2, 48)) for part in parts], tokens, (2, 2))
    with pytest.raises(ValueError, match="has no text"):
        compose([Conditioning()], tokens, (1, 1))
    with pytest.raises(ValueError, match="at least 2 axes, got 1"):
        compose(parts, replace(tokens, positions=tokens.positions[..., :1]), (2, 2))
    closed = model(positions="rope_1d", line_tokens=True)
    with pytest.raises(ValueError, match="line_tokens"):
        closed.predict(tokens, T, compose(parts, tokens, (2, 2)))
