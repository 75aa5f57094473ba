"""Figure 12(b): operations by hand; times only for their being there."""

import csv

import pytest
import torch

from lumina.analysis.cost import costs, medians
from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.embedding import FREQUENCIES
from lumina.values import Conditioning, ContextDrop, Tokens

CONFIG = NextDiTConfig(
    dim=32, num_layers=4, num_heads=4, num_kv_heads=2, multiple_of=8, token_dim=6, position_axes=2, rope_base=100.0
)


@pytest.fixture
def found():
    places = torch.cartesian_prod(torch.arange(8), torch.arange(8))[None]
    tokens = Tokens(features=torch.randn(1, 64, 6), positions=places)
    drop = ContextDrop(layers="first")
    return costs(NextDiT(CONFIG).eval(), tokens, Conditioning(), drop, times=(0.0, 0.5), rounds=2, size=64)


def test_operations_of_attention(found):
    """Two products of 2 L M D each; a layer that drops has M = L / 4."""
    whole = 4 * 64 * 64 * 32
    assert [cost.t for cost in found] == [None, 0.0, 0.5]
    expected = [4 * whole, whole, 2 * whole + 2 * whole / 4]
    assert [cost.attention_gflop * 1e9 for cost in found] == pytest.approx(expected)


def test_operations_of_linears(found):
    """Context drop spares them three quarters of the value projections of the layers that drop."""
    kv, hidden = 16, CONFIG.hidden_dim
    block = 32 * (2 * 32 + 2 * kv + 3 * hidden)
    per_token = 4 * block + 2 * 32 * 6
    vectors = 2 * FREQUENCIES * 32 + 32 * 32 + (4 * 4 + 1) * 32 * 32
    plain = 2 * (64 * per_token + vectors)
    spared = 2 * 48 * 32 * kv
    found_linears = [cost.linear_gflop * 1e9 for cost in found]
    assert found_linears == pytest.approx([plain, plain - 4 * spared, plain - 2 * spared])


def test_variants_take_turns_in_each_round():
    calls = []
    times = medians({name: lambda name=name: calls.append(name) for name in "abc"}, 3, torch.device("cpu"))
    assert "".join(calls) == "abcbcacab"
    assert set(times) == set("abc")


def test_the_command_with_random_weights(run_in, tmp_path, is_figure):
    shape = ["--backbone.dim=32", "--backbone.num_layers=2", "--backbone.num_heads=2", "--backbone.text_dim=12"]
    run_in("analyze", "time", *shape, "--sizes=[32,64]", "--cell=8", "--times=[0.2]", "--rounds=1", "--output", "t.png")
    assert is_figure(tmp_path / "t.png")
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    variants = [(row["size"], row["tokens"], row["context_drop"], row["t"]) for row in rows]
    assert variants == [
        ("32", "16", "False", ""),
        ("32", "16", "True", "0.2"),
        ("64", "64", "False", ""),
        ("64", "64", "True", "0.2"),
    ]
    assert all(float(row["milliseconds"]) > 0 for row in rows)


def test_the_command_with_a_checkpoint(run_in, tmp_path, tiny_run):
    options = ["--sizes=[8,16]", "--times=[0]", "--rounds=1", "--dtype=bfloat16", "--context_drop.layers=last"]
    run_in("analyze", "time", "--weights", tiny_run, *options, "--output", "t.png")
    assert [row["tokens"] for row in csv.DictReader((tmp_path / "t.csv").open())] == ["16", "16", "64", "64"]


def test_a_size_that_tokens_do_not_fill(run_in, capsys):
    with pytest.raises(SystemExit):
        run_in("analyze", "time", "--sizes=[250]")
    assert "size=250 must be a multiple of cell=16" in capsys.readouterr().err
