"""Vocoders for spectrograms of another convention."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from real_sounds import real_sounds

from lumina.audio.conventions import AUDIO_LDM, CONVENTIONS, MAKE_AN_AUDIO, MM_AUDIO, MM_AUDIO_44K, SPEECH_T5
from lumina.audio.griffin_lim import GriffinLim
from lumina.audio.matched import matched
from lumina.audio.mel import mel_spectrogram

SAME_GRID = [MAKE_AN_AUDIO, MM_AUDIO, SPEECH_T5]


def test_the_same_convention_is_left_alone():
    vocoder = GriffinLim()
    assert matched(vocoder, MAKE_AN_AUDIO) is vocoder
    assert matched(vocoder, replace(MAKE_AN_AUDIO, name="mine")) is vocoder


@pytest.mark.parametrize("theirs", SAME_GRID, ids=lambda convention: convention.name)
@pytest.mark.parametrize("ours", SAME_GRID, ids=lambda convention: convention.name)
def test_the_sound_is_that_of_the_mel_and_stays_where_it_was(ours, theirs):
    vocoder = matched(GriffinLim(theirs), ours)
    errors = []
    for sound in real_sounds()[:3]:
        sound = sound[: len(sound) // 256 * 256]
        mel = mel_spectrogram(sound, ours)
        got = vocoder.sound(mel[None])
        assert got.shape == (1, mel.shape[1] * 256)
        error = mel_spectrogram(got[0, : len(sound)]) - mel_spectrogram(sound)
        errors.append(error[5:75].abs().mean())  # SpeechT5's says nothing below 80 and above 7600 Hz
    assert torch.stack(errors).mean() < 0.07  # half a hop late or early it is 0.2


@pytest.mark.parametrize("theirs", SAME_GRID, ids=lambda convention: convention.name)
@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames(theirs, frames):
    for ours in SAME_GRID:
        sound = matched(GriffinLim(theirs, iterations=1), ours).sound(torch.full((2, 80, frames), -4.0))
        assert sound.shape == (2, frames * 256)


@pytest.mark.parametrize("theirs", [AUDIO_LDM, MM_AUDIO_44K], ids=lambda convention: convention.name)
def test_another_grid_is_refused_with_what_to_do(theirs):
    with pytest.raises(ValueError, match=r"differs, .* Choose a vocoder of 16000 Hz and a hop of 256 samples"):
        matched(GriffinLim(theirs), CONVENTIONS["make_an_audio"])
