"""The resampler: lengths, pitch, aliases, and parts that equal the whole."""

from __future__ import annotations

import math

import pytest
import torch

from lumina.audio.resampling import context, ratio, resample, resampled_length


def sine(frequency: float, rate: int, samples: int) -> torch.Tensor:
    return torch.sin(2 * math.pi * frequency / rate * torch.arange(samples, dtype=torch.float64)).float()


@pytest.mark.parametrize("source", [8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_sine_keeps_its_pitch_place_and_level(source):
    got = resample(sine(440, source, source), source, 16_000)
    assert len(got) == 16_000
    torch.testing.assert_close(got[800:-800], sine(440, 16_000, 16_000)[800:-800], atol=2e-3, rtol=0)


def test_what_the_new_rate_cannot_hold_is_removed():
    assert resample(sine(9000, 44_100, 44_100), 44_100, 16_000)[800:-800].abs().max() < 1e-3


def test_the_same_rate_changes_nothing():
    sound = torch.randn(100)
    assert resample(sound, 16_000, 16_000) is sound


def test_odd_rates_take_little_memory_and_are_hardly_off():
    old, new = ratio(44_101, 16_000)
    assert new <= 640
    assert old / new == pytest.approx(44_101 / 16_000, rel=3e-6)
    got = resample(sine(440, 44_101, 44_101), 44_101, 16_000)
    torch.testing.assert_close(got[800:8000], sine(440, 16_000, 16_000)[800:8000], atol=1e-2, rtol=0)


@pytest.mark.parametrize("source", [8000, 44_100, 48_000])
def test_a_part_with_its_context_is_the_part_of_the_whole(source):
    sound = torch.randn(source * 2, generator=torch.Generator().manual_seed(0))
    old, new = ratio(source, 16_000)
    whole, around = resample(sound, source, 16_000), context(source, 16_000)
    begin = 30 * old * (around // old)
    part = resample(sound[begin - around : begin + 10 * old + around], source, 16_000)
    skipped = around // old * new
    start = begin // old * new
    torch.testing.assert_close(
        part[skipped : skipped + 10 * new], whole[start : start + 10 * new], atol=1e-6, rtol=1e-5
    )


def test_hours_have_their_exact_length():
    """torchaudio counts what it puts out in float32, which skips odd numbers above 2^24."""
    assert resampled_length(3 * 3600 * 48_000 + 7, 48_000, 16_000) == 3 * 3600 * 16_000 + 3
    samples = 5_592_407
    assert len(resample(torch.zeros(samples), 16_000, 48_000)) == 3 * samples
