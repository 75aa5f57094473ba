"""Captions as padded token features."""

import pytest
import torch

from lumina.conditioning.text import TextConditioner
from lumina.interfaces import TextEncoder


class Words(TextEncoder):
    """A token a word, which holds the length of the word; counts what it is asked for."""

    dim = 2

    def __init__(self):
        self.asked = []

    def encode(self, captions, device):
        self.asked += captions
        return [torch.tensor([[len(w)] * 2 for w in c.split()], dtype=torch.float32).reshape(-1, 2) for c in captions]


KEEP = torch.tensor([True, True])


def told(*captions, keep=None):
    return TextConditioner(Words())(captions, torch.tensor([True] * len(captions)) if keep is None else keep)


def test_captions_are_padded_and_masked():
    both = told("a pear", "an old apple")
    assert both.cross[..., 0].tolist() == [[1, 4, 0], [2, 3, 5]]
    assert both.cross_mask.tolist() == [[True, True, False], [True, True, True]]
    assert told("a pear", "an owl").cross_mask is None


def test_a_caption_without_any_token_is_one_token_of_zeros():
    both = told("a pear", "")
    assert both.cross_mask.tolist() == [[True, True], [True, False]]
    assert not both.cross[1].any()
    alone = told("")
    assert alone.cross.shape == (1, 1, 2) and not alone.cross.any() and alone.cross_mask is None


def test_a_dropped_caption_is_the_empty_one():
    dropped, empty = told("a pear", "owl", keep=torch.tensor([True, False])), told("a pear", "")
    assert torch.equal(dropped.cross, empty.cross) and torch.equal(dropped.cross_mask, empty.cross_mask)


def test_each_caption_is_read_once():
    conditioner = TextConditioner(Words())
    conditioner(["owl", "pear", "owl", "red"], torch.tensor([True, True, True, False]))
    assert conditioner.encoder.asked == ["owl", "pear", ""]


def test_captions_that_are_no_strings_are_refused():
    with pytest.raises(ValueError, match="field 'caption' must contain one string per sample, got a list"):
        told(["a", "b"])


def test_examples_are_of_every_length_from_none():
    assert [len(text.split()) for text in TextConditioner(Words()).example(4)] == [0, 1, 2, 3]


def test_a_layer_brings_features_to_another_width():
    plain = TextConditioner(Words())
    plain.build(8)
    assert not plain.state_dict()
    wide = TextConditioner(Words(), width=5)
    wide.build(8)
    assert sorted(wide.state_dict()) == ["projection.bias", "projection.weight"] and wide.dim == 5
    torch.nn.init.ones_(wide.projection.bias)
    given = wide(["a pear", ""], KEEP)
    expected = wide.projection(torch.tensor([[1.0, 1.0], [4.0, 4.0]]))
    torch.testing.assert_close(given.cross[0], expected)
    assert given.cross_mask.tolist() == [[True, True], [True, False]]
    assert not given.cross[1].any()  # a caption without tokens stays zero
    given.cross.sum().backward()
    assert wide.projection.weight.grad is not None
    assert wide.bfloat16()(["a pear", ""], KEEP).cross.dtype is torch.bfloat16
    with pytest.raises(ValueError, match=r"TextConditioner: width=0 must be at least 1"):
        TextConditioner(Words(), width=0)
