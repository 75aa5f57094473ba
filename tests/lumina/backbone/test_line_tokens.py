"""Where [nextline] and [nextframe] stand, by hand."""

import pytest
import torch

from lumina.backbone.line_tokens import LineTokens
from lumina.values import Conditioning, Tokens

LINE, FRAME = -1.0, -2.0


@pytest.fixture
def closing():
    """Tokens of width 1, so that a sequence reads as numbers."""

    def make(frames):
        module = LineTokens(1, frames)
        module.next_line.data.fill_(LINE)
        if frames:
            module.next_frame.data.fill_(FRAME)
        return module

    return make


def numbered(size):
    places = torch.cartesian_prod(*(torch.arange(n) for n in size))
    return torch.arange(1.0, len(places) + 1)[None, :, None], places[None]


def run(module, x, tokens):
    longer, inserted, origin = module.insert(x, tokens)
    mask = torch.ones(longer.shape[:2], dtype=torch.bool) if inserted.mask is None else inserted.mask
    sequences = [row[real, 0].tolist() for row, real in zip(longer, mask, strict=True)]
    assert inserted.positions[..., 0].tolist() == [list(range(longer.shape[1]))] * len(longer)
    return sequences, origin.tolist(), inserted


def test_two_rows_of_three(closing):
    x, places = numbered((2, 3))
    sequences, origin, _ = run(closing(False), x, Tokens(features=x, positions=places))
    assert sequences == [[1, 2, 3, LINE, 4, 5, 6, LINE]]
    assert origin == [[0, 1, 2, 4, 5, 6]]


def test_frames(closing):
    x, places = numbered((2, 2, 2))
    sequences, origin, _ = run(closing(True), x, Tokens(features=x, positions=places))
    assert sequences == [[1, 2, LINE, 3, 4, LINE, FRAME, 5, 6, LINE, 7, 8, LINE, FRAME]]
    assert origin == [[0, 1, 3, 4, 7, 8, 10, 11]]


def test_padding_and_groups(closing):
    x, places = numbered((2, 3))
    short = torch.tensor([[[0, 0], [1, 0], [2, 0], [0, 0], [0, 0], [0, 0]]])
    tokens = Tokens(
        features=x,
        positions=torch.cat((places, short)),
        mask=torch.tensor([[True] * 6, [True] * 3 + [False] * 3]),
        groups=torch.tensor([[0, 0, 0, 1, 1, 1], [0, 1, 0, 0, 0, 0]]),
    )
    sequences, origin, inserted = run(closing(False), x.expand(2, -1, -1), tokens)
    assert sequences == [[1, 2, 3, LINE, 4, 5, 6, LINE], [1, LINE, 2, LINE, 3, LINE]]
    assert origin == [[0, 1, 2, 4, 5, 6], [0, 2, 4, 8, 8, 8]]
    assert inserted.groups[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert inserted.groups[1, :6].tolist() == [0, 0, 1, 1, 0, 0]


def test_padding_with_frames(closing):
    x, places = numbered((2, 1, 2))
    single = torch.tensor([[[0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]])
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    tokens = Tokens(features=x, positions=torch.cat((places, single)), mask=mask)
    sequences, _, _ = run(closing(True), x.expand(2, -1, -1), tokens)
    assert sequences == [[1, 2, LINE, FRAME, 3, 4, LINE, FRAME], [1, LINE, 2, LINE, FRAME]]


def test_they_are_trained_and_tell_shapes_apart(build, grids):
    """A row of six and two rows of three differ only by the closing tokens in one-dimensional RoPE."""
    flag = {"positions": "rope_1d", "post_norm": False, "modulation": "shift_scale_gate"}
    row, rows = grids([(1, 6)])[0], grids([(2, 3)])[0]
    assert torch.equal(row.features, rows.features)
    plain, closed = build(**flag), build(**flag, line_tokens=True)
    t = torch.tensor([0.5])
    assert torch.equal(plain.predict(row, t, Conditioning()), plain.predict(rows, t, Conditioning()))
    out = closed.predict(rows, t, Conditioning())
    assert (out - closed.predict(row, t, Conditioning())).abs().max() > 1e-3
    out.square().sum().backward()
    assert closed.line_tokens.next_line.grad.abs().max() > 0
