"""Tensors of other codes: the order of output rows, what is missing or too much, what is assigned without a copy."""

from pathlib import Path

import pytest
import torch

from lumina.backbone import NextDiTConfig
from lumina.weights.tensors import (
    channels_first,
    channels_last,
    empty_backbone,
    fill,
    stated_config,
)

CONFIG = NextDiTConfig(dim=8, num_layers=1, num_heads=2, token_dim=4, position_axes=2, multiple_of=8)


@pytest.mark.parametrize("patch", [1, 2, 3])
@pytest.mark.parametrize("columns", [(), (5,)])
def test_output_rows_change_places(patch, columns):
    """Row (ph * p + pw) * C + c there is row (c * p + ph) * p + pw here."""
    channels = 4
    theirs = torch.randn(patch * patch * channels, *columns)
    ours = channels_first(theirs, patch)
    for c in range(channels):
        for row in range(patch):
            for column in range(patch):
                expected = theirs[(row * patch + column) * channels + c]
                assert torch.equal(ours[(c * patch + row) * patch + column], expected)
    assert torch.equal(channels_last(ours, patch), theirs)


def test_a_backbone_is_filled_without_a_copy():
    model = empty_backbone(CONFIG)
    assert all(parameter.is_meta for parameter in model.parameters())
    state = {name: torch.randn(tensor.shape) for name, tensor in model.state_dict().items()}
    for name, parameter in fill(model, state).named_parameters():
        assert parameter.data_ptr() == state[name].data_ptr()


def test_a_config_as_a_file_states_it():
    assert stated_config(CONFIG, Path("file")) is CONFIG
    stated = {"dim": 12, "num_heads": 1, "position_axes": 2, "axes_dims": [6, 6]}
    assert stated_config(stated, Path("file")).axes_dims == (6, 6)
    for wrong in ({"depth": 3}, {"dim": 7, "num_heads": 2}):
        with pytest.raises(ValueError, match="file describes a backbone that cannot be built"):
            stated_config(wrong, Path("file"))


@pytest.mark.parametrize("architecture", [[1], "deep", {"depth": 2}, {"dim": 33, "num_heads": 2}])
def test_an_architecture_that_is_none_is_refused_by_name(architecture, tmp_path):
    with pytest.raises(ValueError, match="describes a backbone that cannot be built"):
        stated_config(architecture, tmp_path)
