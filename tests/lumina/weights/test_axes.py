"""Rotary axes of a model that starts from another with more or fewer of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.values import Conditioning, Inference, Tokens
from lumina.weights.axes import compare_axes

SMALL = NextDiTConfig(dim=48, num_layers=2, num_heads=2, num_kv_heads=1, token_dim=5, position_axes=2, multiple_of=16)


def with_axes(layout, *dims):
    return replace(SMALL, rope_layout=layout, position_axes=len(dims), axes_dims=dims)


@pytest.mark.parametrize("layout", ["interleaved", "concatenated"])
@pytest.mark.parametrize("inference", [Inference(), Inference(rope_rule="ntk"), Inference(rope_rule="frequency_aware")])
def test_an_axis_of_no_dimensions_changes_no_output(layout, inference):
    torch.manual_seed(0)
    plain, wide = NextDiT(replace(SMALL, rope_layout=layout)), NextDiT(with_axes(layout, 0, 12, 12))
    for parameter in plain.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    wide.load_state_dict(plain.state_dict())
    grid = torch.cartesian_prod(torch.arange(8), torch.arange(16))
    features, t = torch.randn(2, 128, 5), torch.tensor([0.3, 0.3])
    scaled = inference.rope_rule != "none"
    with torch.no_grad():
        expected = plain.predict(
            Tokens(features=features, positions=grid.expand(2, -1, -1)),
            t,
            Conditioning(),
            replace(inference, trained_length=(7.0, 8.0)) if scaled else inference,
        )
        for view in (0, 3):
            positions = torch.nn.functional.pad(grid, (1, 0), value=view).expand(2, -1, -1)
            options = replace(inference, trained_length=(1.0, 7.0, 8.0)) if scaled else inference
            got = wide.predict(Tokens(features=features, positions=positions), t, Conditioning(), options)
            assert torch.equal(got, expected)
    assert expected.abs().mean() > 0.05


@pytest.mark.parametrize("layout", ["interleaved", "concatenated"])
def test_rows_and_columns_are_kept(layout):
    plain = replace(SMALL, rope_layout=layout)
    assert compare_axes(plain, with_axes(layout, 0, 12, 12)) == (
        "axis 1 is new and rotates nothing",
        "axis 2 keeps its 12 dimensions",
        "axis 3 keeps its 12 dimensions",
    )
    assert compare_axes(with_axes(layout, 0, 12, 12), plain) == (
        "axis 1 of the source is left out",
        "axis 1 keeps its 12 dimensions",
        "axis 2 keeps its 12 dimensions",
    )


def test_a_share_for_a_new_axis_changes_the_others():
    told = compare_axes(replace(SMALL, rope_layout="concatenated"), with_axes("concatenated", 4, 8, 12))
    assert told[0] == "axis 1 is new and rotates 4 dimensions"
    assert told[1].startswith("axis 2 changes: 12 dimensions became 8")
    assert told[2] == "axis 3 keeps its 12 dimensions"


def test_as_many_axes_with_other_dimensions():
    shared, numbered = with_axes("concatenated", 0, 12, 12), with_axes("concatenated", 8, 8, 8)
    there = compare_axes(shared, numbered)
    assert there[0] == "axis 1 is new and rotates 8 dimensions"
    assert [sentence[:36] for sentence in there[1:]] == [
        f"axis {axis} changes: 12 dimensions became" for axis in (2, 3)
    ]
    assert there == compare_axes(replace(SMALL, rope_layout="concatenated"), numbered)[:3]  # of the same network
    assert compare_axes(numbered, shared)[0].startswith("axis 1 changes: 8 dimensions became 0")
    assert compare_axes(shared, with_axes("concatenated", 0, 12, 12))[0] == "axis 1 still rotates nothing"


def test_an_axis_is_kept_where_attention_along_it_stays_as_it_was():
    torch.manual_seed(0)
    source, other = NextDiT(with_axes("concatenated", 8, 8, 8)), NextDiT(with_axes("concatenated", 8, 4, 12))
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    other.load_state_dict(source.state_dict())
    told, same = compare_axes(source.config, other.config), []
    for axis in range(3):
        positions = torch.zeros(1, 12, 3)
        positions[..., axis] = torch.arange(12)
        tokens, t = Tokens(features=torch.randn(1, 12, 5), positions=positions), torch.tensor([0.3])
        with torch.no_grad():
            same.append(
                torch.equal(source.predict(tokens, t, Conditioning()), other.predict(tokens, t, Conditioning()))
            )
    assert same == [" keeps its " in sentence for sentence in told] == [True, False, False]


def test_another_layout_changes_every_axis():
    told = compare_axes(SMALL, with_axes("concatenated", 0, 12, 12))
    assert [sentence[:14] for sentence in told[1:]] == ["axis 2 changes", "axis 3 changes"]
