"""How text lies beside the tokens that attend to it."""

import pytest
import torch

from lumina.backbone.attention import attend_text
from lumina.backbone.layout import Layout
from lumina.backbone.text import Text
from lumina.values import Conditioning, Tokens

TEXT = 10


def test_no_softmax_over_nothing(grids):
    """It is NaN on some devices: the row of a text without a real token is opened, and what comes of it dropped."""
    tokens, mask = grids([(2, 2)])[0], torch.tensor([[True, False], [False, False]])
    both = Tokens(features=tokens.features.repeat(2, 1, 1), positions=tokens.positions.repeat(2, 1, 1))
    text = Text.of(Conditioning(cross=torch.randn(2, 2, TEXT), cross_mask=mask), Layout.of(both, 1, None))
    assert text.mask.tolist() == [[True, False], [True, True]] and text.empty.flatten().tolist() == [False, True]
    across = attend_text(torch.randn(2, 4, 4, 6), torch.randn(2, 2, 2, 6), torch.randn(2, 2, 2, 6), text)
    assert (across[0] != 0).all() and (across[1] == 0).all()


def tokens(lengths, size=4):
    mask = None if lengths is None else torch.arange(size) < torch.tensor(lengths)[:, None]
    count = 2 if lengths is None else len(lengths)
    return Tokens(features=torch.randn(count, size, 5), positions=torch.zeros(count, size, 1), mask=mask)


def test_conditions_without_text():
    assert Text.of(Conditioning(pooled=torch.zeros(2, 8)), Layout.of(tokens(None), 1, None)) is None


def test_a_mask_without_padding_is_dropped():
    """The fast path of attention takes no mask."""
    features, mask = torch.randn(2, 3, TEXT), torch.ones(2, 3, dtype=torch.bool)
    text = Text.of(Conditioning(cross=features, cross_mask=mask), Layout.of(tokens(None), 1, None))
    assert text.mask is None and text.empty is None and text.pairs is None
    assert text.features is features


@pytest.mark.parametrize("masked", [False, True])
def test_text_is_packed_where_the_tokens_are(masked):
    """Sample i of the tokens sees segment i of the real text tokens, in order."""
    features, layout = torch.randn(3, 3, TEXT), Layout.of(tokens((4, 1, 2)), 1, None)
    lengths = (2, 0, 3) if masked else (3, 3, 3)
    mask = torch.arange(3) < torch.tensor(lengths)[:, None] if masked else None
    text = Text.of(Conditioning(cross=features, cross_mask=mask), layout)
    assert torch.equal(
        text.features[0], torch.cat([row[:length] for row, length in zip(features, lengths, strict=True)])
    )
    assert text.pairs.queries is layout.pairs.queries
    assert tuple(text.pairs.keys.lengths) == lengths


def test_regions_of_other_tokens_are_refused():
    cond = Conditioning(
        cross=torch.randn(2, 3, TEXT),
        regions=torch.zeros(2, 5, dtype=torch.long),
        cross_regions=torch.zeros(2, 3, dtype=torch.long),
    )
    with pytest.raises(ValueError, match=r"got regions for \(2, 5\) tokens, but there are \(2, 4\)"):
        Text.of(cond, Layout.of(tokens(None), 1, None))
