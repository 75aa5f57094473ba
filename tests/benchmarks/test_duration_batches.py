"""What the timing of batches by duration stands on."""

import pytest
import torch
from tiny_sounds import write_tones

from benchmarks.audio_backbone import SIZES
from benchmarks.duration_batches import MADE_UP, durations, padding, run, sides, told

CPU = torch.device("cpu")


def test_durations_are_those_of_the_headers_or_made_up(tmp_path):
    write_tones(tmp_path, [0.5, 12.0])
    assert durations([tmp_path]).tolist() == [8000, 160_000]
    made = durations([])
    assert len(made) == MADE_UP and made.max() == 160_000 and 3.1 * 16_000 < made.median() < 3.5 * 16_000


def test_made_up_durations_are_padded_by_less_than_a_twentieth():
    shares = padding(durations([]), 8)
    assert shares["own"] < 0.05 < 0.5 < shares["10 s"]


def test_every_side_has_the_same_sounds():
    samples = durations([])
    batches = sides(samples, 8, 8)
    assert all(batch.eq(312).all() for batch in batches["padded to 10 s"])
    assert all(len(batch.unique()) == 1 for batch in batches["one length in a batch"])
    assert any(len(batch.unique()) > 1 for batch in batches["any lengths in a batch"])
    means = [float(torch.stack(list(own)).double().mean()) for name, own in batches.items() if "length" in name]
    assert means[0] == pytest.approx(means[1], rel=0.05)


def test_a_result_is_told(tmp_path):
    result = run([], SIZES["quick"], 4, 3, CPU)
    assert result["steps"] == 3 and result["sides"]["padded to 10 s"]["speed_up"] == 1
    assert "| one length in a batch |" in told(result) and "4,000 sounds" in told(result)
