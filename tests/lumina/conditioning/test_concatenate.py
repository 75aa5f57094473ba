from functools import reduce

import pytest
import torch

from lumina.conditioning.concatenate import concatenate, concatenate_tokens
from lumina.values import Conditioning, Tokens, is_shared


def tokens(batch, length, axes=2, mask=None, groups=None):
    return Tokens(
        features=torch.randn(batch, length, 3), positions=torch.rand(batch, length, axes), mask=mask, groups=groups
    )


def prefix_mask(*lengths):
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def test_shorter_text_is_padded_and_masked():
    first = Conditioning(cross=torch.randn(2, 5, 4), cross_mask=prefix_mask(5, 3), pooled=torch.randn(2, 6))
    second = Conditioning(cross=torch.randn(1, 2, 4), pooled=torch.randn(1, 6))
    joined = concatenate(first, second)
    assert torch.equal(joined.cross_mask, torch.tensor([[1] * 5, [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]], dtype=torch.bool))
    assert torch.equal(joined.cross[:2], first.cross)
    assert torch.equal(joined.cross[2:, :2], second.cross)
    assert joined.cross[2:, 2:].abs().sum() == 0
    assert torch.equal(joined.pooled, torch.cat((first.pooled, second.pooled)))


def test_no_mask_is_made_where_nothing_is_padding():
    joined = concatenate(Conditioning(cross=torch.randn(2, 5, 4)), Conditioning(cross=torch.randn(2, 5, 4)))
    assert joined.cross_mask is None
    assert concatenate_tokens(tokens(2, 5), tokens(1, 5)).mask is None
    assert concatenate(Conditioning(), Conditioning()) == Conditioning()


@pytest.mark.parametrize("route", ["cross", "pooled", "grouped"])
def test_a_route_in_one_alone_is_refused(route):
    with pytest.raises(ValueError, match=rf"'{route}', the second lacks it"):
        concatenate(Conditioning(**{route: torch.ones(2, 3, 4)}), Conditioning())


@pytest.mark.parametrize("axes", [0, 1, 3])
def test_tokens_of_two_lengths_come_apart_again(axes):
    groups = torch.tensor([[0, 0, 1]])
    short = tokens(1, 3, axes, groups=groups)
    long = tokens(2, 5, axes, mask=prefix_mask(5, 4), groups=torch.ones(2, 5, dtype=torch.long))
    joined = concatenate_tokens(short, long)
    assert torch.equal(joined.mask, prefix_mask(5, 5, 4)[1:].new_tensor([[1, 1, 1, 0, 0], [1] * 5, [1, 1, 1, 1, 0]]))
    for name in ("features", "positions", "groups"):
        assert torch.equal(getattr(joined, name)[:1, :3], getattr(short, name))
        assert torch.equal(getattr(joined, name)[1:], getattr(long, name))


def test_groups_in_one_alone_are_refused():
    with pytest.raises(ValueError, match="'groups', the first lacks it"):
        concatenate_tokens(tokens(1, 3), tokens(1, 3, groups=torch.zeros(1, 3, dtype=torch.long)))


def test_positions_that_samples_share_stay_shared_however_many_are_joined():
    canvas = tokens(1, 3).expand(2)
    joined = reduce(concatenate_tokens, [canvas] * 3)
    assert joined.positions.shape == (6, 3, 2) and is_shared(joined.positions)
    other = concatenate_tokens(canvas, tokens(1, 3).expand(2))
    assert not is_shared(other.positions) and not torch.equal(other.positions[0], other.positions[2])
