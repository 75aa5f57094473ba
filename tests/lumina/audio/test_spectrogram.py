"""Spectrograms as pictures: time to the right, frequency upwards, one meaning of the colours."""

import pytest
import torch

from lumina.audio.conventions import CONVENTIONS, MAKE_AN_AUDIO
from lumina.audio.spectrogram import WIDEST, spectrogram_picture

TIME = torch.arange(16_000) / 16_000


def tone(frequency, level=0.5):
    return level * torch.sin(2 * torch.pi * frequency * TIME)


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=CONVENTIONS)
@pytest.mark.parametrize("samples", [1, 600, 16_000, 400_000])
def test_any_length_in_any_convention(convention, samples):
    picture = spectrogram_picture(torch.rand(samples) - 0.5, convention)
    assert picture.shape[:2] == (3, convention.bands) and 1 <= picture.shape[2] <= WIDEST
    assert picture.isfinite().all() and picture.abs().max() <= 1


def test_frequency_upwards_and_time_to_the_right():
    low, high = (spectrogram_picture(tone(f), MAKE_AN_AUDIO).sum(0) for f in (200, 4000))
    assert high.mean(1).argmax() < low.mean(1).argmax()
    late = spectrogram_picture(torch.cat((torch.zeros(8000), tone(1000)[:8000])), MAKE_AN_AUDIO).sum(0)
    assert late[:, -5:].amax() > late[:, :5].amax()


def test_colours_mean_levels():
    loud, quiet = (spectrogram_picture(tone(1000, level), MAKE_AN_AUDIO) for level in (0.5, 0.005))
    assert loud.sum(0).max() > quiet.sum(0).max()
    silent = spectrogram_picture(torch.zeros(16_000), MAKE_AN_AUDIO)
    assert (silent == silent[:, :1, :1]).all()


def test_one_level_in_both_bases():
    ten, e = (spectrogram_picture(tone(1000), CONVENTIONS[name]) for name in ("make_an_audio", "mm_audio"))
    torch.testing.assert_close(ten, e, atol=0.02, rtol=0)


def test_nan_is_black():
    picture = spectrogram_picture(torch.full((16_000,), torch.nan), MAKE_AN_AUDIO)
    assert torch.equal(picture, spectrogram_picture(torch.zeros(16_000), MAKE_AN_AUDIO))
