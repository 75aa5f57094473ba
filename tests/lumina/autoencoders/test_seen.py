"""The data of a batch is cut together with what of it is real."""

import pytest
import torch

from lumina.autoencoders.seen import Seen


def test_spectrograms_are_cut_along_time_and_pictures_along_both_sides():
    mask = torch.arange(7) < torch.tensor([[7], [3]])
    seen = Seen(data=torch.zeros(2, 5, 7), mask=mask).cut(2)
    assert seen.data.shape == (2, 5, 6) and torch.equal(seen.mask, mask[:, :6])
    assert Seen(data=torch.zeros(2, 3, 9, 7)).cut(4).data.shape == (2, 3, 8, 4)


def test_what_is_too_short_is_refused():
    with pytest.raises(ValueError, match=r"at least 4 long.*got 3"):
        Seen(data=torch.zeros(2, 5, 3)).cut(4)
