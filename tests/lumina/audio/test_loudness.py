"""Loudness: levels reached, nothing above 1, silence and clicks left finite."""

from __future__ import annotations

import math

import pytest
import torch

from lumina.audio.loudness import at_loudness, loudness_of


def tone(seconds: float, level: float = 0.1) -> torch.Tensor:
    return level * torch.sin(2 * math.pi * 997 / 48_000 * torch.arange(round(seconds * 48_000)))


def test_a_full_scale_tone_has_the_loudness_of_the_standard():
    """BS.1770: 997 Hz at 0 dBFS in one channel is -3.01 LKFS."""
    assert loudness_of(tone(2, level=1.0), 48_000) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.4, 2])
def test_lufs_are_reached_by_short_sounds_too(seconds):
    assert loudness_of(at_loudness(tone(seconds), 48_000, -23.0), 48_000) == pytest.approx(-23, abs=0.1)


def test_lufs_never_clip():
    sound = tone(1, level=0.01)
    sound[1000] = 0.5  # a click that leaves 6 dB of room
    louder = at_loudness(sound, 48_000, -10.0)
    assert louder.abs().max() == pytest.approx(1)
    torch.testing.assert_close(louder, sound * 2)


def test_peak():
    assert at_loudness(tone(1), 48_000, "peak").abs().max() == pytest.approx(1)


@pytest.mark.parametrize("loudness", ["none", "peak", -23.0])
@pytest.mark.parametrize("samples", [0, 1, 16_000])
def test_silence_stays_silence(loudness, samples):
    assert torch.equal(at_loudness(torch.zeros(samples), 16_000, loudness), torch.zeros(samples))


@pytest.mark.parametrize("samples", [1, 2, 10])
def test_a_click_stays_finite(samples):
    assert at_loudness(torch.full((samples,), 1e-3), 16_000, -23.0).isfinite().all()


@pytest.mark.parametrize("loudness", ["loud", math.nan, -math.inf, 3.0])
def test_unknown_levels_are_refused(loudness):
    with pytest.raises(ValueError, match='expected "none", "peak" or LUFS'):
        at_loudness(tone(1), 48_000, loudness)
