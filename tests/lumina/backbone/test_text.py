"""How text lies beside the tokens that attend to it."""

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
