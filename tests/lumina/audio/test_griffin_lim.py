"""Griffin-Lim: near to the spectrogram, where the sound was, the same each time."""

from __future__ import annotations

import math
import time

import pytest
import torch
from real_sounds import real_sounds

from lumina.audio.conventions import AUDIO_LDM, CONVENTIONS, MAKE_AN_AUDIO
from lumina.audio.frames import magnitudes, window
from lumina.audio.griffin_lim import GriffinLim, overlapped
from lumina.audio.mel import mel_spectrogram


def error(vocoder: GriffinLim, sound: torch.Tensor) -> torch.Tensor:
    """Mean error of the mel spectrogram of the result, in log10."""
    mel = mel_spectrogram(sound, vocoder.convention)
    again = mel_spectrogram(vocoder.sound(mel[None])[0], vocoder.convention)[:, : mel.shape[1]]
    return (again - mel[:, : again.shape[1]]).abs().mean() * math.log10(vocoder.convention.base)


@pytest.mark.parametrize("convention", ["make_an_audio", "speech_t5", "audio_ldm", "mm_audio"])
def test_the_mel_comes_back(convention):
    errors = torch.stack([error(GriffinLim(convention), sound) for sound in real_sounds()])
    assert errors.mean() < 0.05


def test_iterations_and_momentum_help():
    def mean(**how: float) -> float:
        return float(torch.stack([error(GriffinLim(**how), sound) for sound in real_sounds()]).mean())

    assert mean(iterations=32) < mean(iterations=32, momentum=0) < mean(iterations=4, momentum=0) < mean(iterations=0)


def test_it_is_ten_times_as_fast_as_the_sound():
    mel = mel_spectrogram(torch.randn(160_000) / 10)[None]
    vocoder = GriffinLim()
    vocoder.sound(mel[..., :10])
    began = time.process_time()
    vocoder.sound(mel)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_sound_stays_where_it_was(convention):
    """A click is found where it was, though frames are centred on other samples."""
    sound = torch.zeros(20_480)
    sound[10_000] = 1
    mel = mel_spectrogram(sound, convention)
    got = GriffinLim(convention).sound(mel[None])[0]
    assert len(got) == mel.shape[1] * CONVENTIONS[convention].hop
    assert abs(int(got.abs().argmax()) - 10_000) <= 40  # 2.5 ms; half a hop is 128


def test_the_same_mel_has_the_same_sound_whatever_is_beside_it():
    mels = torch.stack([mel_spectrogram(sound[:6400]) for sound in real_sounds()[:3]])
    vocoder = GriffinLim()
    together = vocoder.sound(mels)
    assert torch.equal(together, vocoder.sound(mels))
    for mel, sound in zip(mels, together, strict=True):
        torch.testing.assert_close(vocoder.sound(mel[None])[0], sound, atol=1e-4, rtol=0)
    assert not torch.equal(together, GriffinLim(seed=1).sound(mels))


def test_random_numbers_of_others_are_left_alone():
    state = torch.get_rng_state()
    GriffinLim().sound(torch.zeros(1, 80, 4))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames_and_silence(frames):
    sound = GriffinLim().sound(torch.full((2, 80, frames), -5.0))
    assert sound.shape == (2, frames * 256)
    assert sound.isfinite().all()
    assert sound.abs().max() < 1e-3


@pytest.mark.parametrize("convention", [MAKE_AN_AUDIO, AUDIO_LDM], ids=lambda convention: convention.name)
def test_real_phases_give_the_sound_back(convention):
    vocoder, sound = GriffinLim(convention), real_sounds()[0][: 30 * convention.hop]
    spectrum = vocoder._analysed(sound[None])
    torch.testing.assert_close(spectrum[0].abs().T, magnitudes(sound, convention), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(vocoder._joined(spectrum)[0], sound, atol=1e-5, rtol=0)


def test_overlapping_is_a_sum_of_shifted_frames():
    frames = torch.randn(2, 5, 10)
    expected = torch.zeros(2, 4 * 3 + 10)
    for number in range(5):
        expected[:, number * 3 : number * 3 + 10] += frames[:, number]
    torch.testing.assert_close(overlapped(frames, 3)[:, :22], expected)
    assert window(4, torch.device("cpu")).tolist() == [0, 0.5, 1, 0.5]


@pytest.mark.parametrize("wrong", [{"iterations": -1}, {"momentum": 1.0}, {"momentum": -0.1}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="GriffinLim"):
        GriffinLim(**wrong)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("convention", ["make_an_audio", "speech_t5"])
def test_a_gpu_hears_and_makes_the_same(convention):
    sounds = torch.stack([sound[:6400] for sound in real_sounds()[:3]])
    mel = mel_spectrogram(sounds, convention)
    there = mel_spectrogram(sounds.cuda(), convention)
    torch.testing.assert_close(there.cpu(), mel, atol=1e-3, rtol=0)
    vocoder = GriffinLim(convention)
    again = mel_spectrogram(vocoder.sound(there), convention)[..., : mel.shape[-1]].cpu()
    assert (again - mel[..., : again.shape[-1]]).abs().mean() < 0.06
