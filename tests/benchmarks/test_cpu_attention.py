"""What the times of attention on a CPU stand on: both sides compute the same."""

import torch

from benchmarks import timing
from benchmarks.cpu_attention import CALLS, measure


def test_both_sides_agree():
    arrays = [torch.randn(2, 2, 9, 8, dtype=torch.bfloat16) for _ in range(3)]
    one, other = (call(*arrays) for call in CALLS.values())
    assert one.dtype == other.dtype == torch.bfloat16
    torch.testing.assert_close(one, other, atol=1e-2, rtol=1e-2)


def test_a_row(monkeypatch):
    monkeypatch.setattr(timing, "ENOUGH_SECONDS", 0.01)
    row = measure(16, 8)
    assert set(row["ms"]) == {"bfloat16", "lumina"} and all(time > 0 for time in row["ms"].values())
    low, high = row["speed_up_range"]
    assert 0 < low <= row["speed_up"] <= high
