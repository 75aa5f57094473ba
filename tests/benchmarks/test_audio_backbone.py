"""What the timings on sound stand on: both sides are of one width and depth, and take the same batch."""

import pytest
import torch

from benchmarks import timing
from benchmarks.audio_backbone import CHANNELS, SIZES, TOKENS, Inputs, diffusers_call, lumina_call, run

CPU = torch.device("cpu")


def test_both_sides_put_out_a_velocity_of_the_batch():
    pytest.importorskip("diffusers")
    size = SIZES["quick"]
    inputs = Inputs.of(size, CPU)
    with torch.no_grad():
        ours, theirs = (call(size, inputs, False)[1]() for call in (lumina_call, diffusers_call))
    assert ours.shape == (size.samples, TOKENS, CHANNELS) and theirs.shape == (size.samples, CHANNELS, TOKENS)


@pytest.mark.parametrize("name", SIZES)
def test_both_sides_are_of_one_width_and_depth(name):
    pytest.importorskip("diffusers")
    size = SIZES[name]
    with torch.device("meta"):
        inputs = Inputs(features=torch.zeros(1, TOKENS, CHANNELS), t=torch.zeros(1), text=torch.zeros(1, 4, 4))
        ours, theirs = (call(size, inputs, False)[0] for call in (lumina_call, diffusers_call))
    assert len(ours.layers) == len(theirs.transformer_blocks) == size.layers
    assert ours.config.dim == theirs.inner_dim == size.dim
    assert ours.config.kv_heads == theirs.config["num_key_value_attention_heads"] == size.heads


def test_result_is_told_for_every_size_and_precision(monkeypatch):
    pytest.importorskip("diffusers")
    monkeypatch.setattr("benchmarks.timing.ENOUGH_SECONDS", 0.1)
    monkeypatch.setitem(timing.PEAK_SIDE, "cpu", 64)
    result = run(["quick"], CPU, compiled=False)
    (row,) = result["timings"]
    assert set(row["variants"]) == set(row["parameters"]) == {"diffusers", "lumina"}
    assert row["variants"]["diffusers"]["speed_up"] == 1 and row["variants"]["lumina"]["ms"] > 0
