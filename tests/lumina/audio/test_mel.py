"""Mel spectrograms against librosa, transformers and diffusers, and by closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lumina.audio.conventions import CONVENTIONS, MAKE_AN_AUDIO, MM_AUDIO, SPEECH_T5
from lumina.audio.mel import filter_bank, mel_spectrogram, silence

CPU = torch.device("cpu")


def noise(count: int, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, count, generator=torch.Generator().manual_seed(0)).mul(0.2).clamp(-1, 1)


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=list(CONVENTIONS))
def test_the_bank_is_librosas(convention):
    filters = pytest.importorskip("librosa.filters")
    theirs = filters.mel(
        sr=convention.rate,
        n_fft=convention.fft,
        n_mels=convention.bands,
        fmin=convention.low,
        fmax=convention.high,
    )
    assert np.abs(filter_bank(convention, CPU).numpy() - theirs).max() < 1e-6


@pytest.mark.parametrize("samples", [700, 16_000, 16_255])
def test_the_mel_is_that_of_transformers_speech_t5(samples):
    transformers = pytest.importorskip("transformers")
    sound = noise(samples)[0]
    extractor = transformers.SpeechT5FeatureExtractor()
    theirs = extractor(audio_target=sound.numpy(), sampling_rate=16_000)["input_values"][0]
    torch.testing.assert_close(mel_spectrogram(sound, "speech_t5"), torch.tensor(np.array(theirs)).T, atol=1e-4, rtol=0)


@pytest.mark.parametrize("samples", [700, 16_000, 16_255])
def test_the_mel_is_that_of_diffusers_mm_audio(samples):
    diffusers = pytest.importorskip("diffusers", minversion="0.42")
    vae = diffusers.MMAudioVAE(
        mel_bins=80, latent_channels=2, hidden_channels=8, sample_rate=16_000, n_fft=1024, hop_length=256
    )
    sound = noise(samples, batch=2)
    theirs = vae.mel_converter(sound)
    torch.testing.assert_close(mel_spectrogram(sound, MM_AUDIO), theirs, atol=1e-4, rtol=0)
    torch.testing.assert_close(mel_spectrogram(sound) * math.log(10), theirs, atol=1e-4, rtol=0)


def test_a_sine_is_its_window_and_its_bank():
    """A sine at the middle of a bin has the magnitude N / 4 there, and N / 8 beside it, under a Hann window."""
    place = 100
    sound = torch.sin(2 * math.pi * place / 1024 * torch.arange(16_000, dtype=torch.float64)).float()
    linear = torch.zeros(513)
    linear[place - 1 : place + 2] = torch.tensor([128.0, 256.0, 128.0])
    mel = mel_spectrogram(sound)[:, 30]
    expected = (filter_bank(MAKE_AN_AUDIO, CPU) @ linear).log10()
    heard = expected > -2
    assert heard.any()
    torch.testing.assert_close(mel[heard], expected[heard], atol=1e-3, rtol=0)


@pytest.mark.parametrize(("samples", "frames"), [(256, 1), (300, 1), (384, 1), (511, 1), (512, 2), (160_000, 625)])
def test_frames_are_samples_over_the_hop(samples, frames):
    assert mel_spectrogram(noise(samples)).shape == (1, 80, frames)
    assert mel_spectrogram(noise(samples), SPEECH_T5).shape == (1, 80, 1 + samples // 256)


def test_short_sounds_are_reflected_as_numpy_does():
    sound = noise(300)[0]
    padded = torch.from_numpy(np.pad(sound.numpy(), 384, mode="reflect"))
    whole = mel_spectrogram(torch.cat([torch.zeros(1024), padded, torch.zeros(1024)]))
    assert mel_spectrogram(sound).isfinite().all()
    # frame k of the longer sound begins at sample 256 k - 384, so the padded one lies under frame 5.5: compare by hand
    linear = torch.stft(padded, 1024, 256, window=torch.hann_window(1024), center=False, return_complex=True)
    by_hand = filter_bank(MAKE_AN_AUDIO, CPU) @ (linear.abs().square() + 1e-9).sqrt()
    torch.testing.assert_close(mel_spectrogram(sound), by_hand.clamp(min=1e-5).log10(), atol=1e-5, rtol=0)
    assert whole.shape[-1] > 1


def test_less_than_a_frame_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="255 samples is shorter than a frame of the mel spectrogram, 256 samples"):
        mel_spectrogram(torch.zeros(255))


def test_an_unknown_convention_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown mel convention 'mel', expected one of make_an_audio"):
        mel_spectrogram(torch.zeros(512), "mel")


def test_silence_is_the_floor():
    assert (mel_spectrogram(torch.zeros(1024)) == -5).all()
    assert silence(MAKE_AN_AUDIO) == pytest.approx(-5)
    assert silence(MM_AUDIO) == pytest.approx(-5 * math.log(10))


def test_a_batch_is_its_samples():
    sounds = noise(2000, batch=4).reshape(2, 2, -1)
    mel = mel_spectrogram(sounds)
    assert mel.shape == (2, 2, 80, 7)
    torch.testing.assert_close(mel[1, 0], mel_spectrogram(sounds[1, 0]))


@pytest.mark.parametrize("convention", ["make_an_audio", "audio_ldm"])
def test_gradients_are_finite_in_silence_too(convention):
    sound = torch.cat([torch.zeros(2000), noise(2000)[0]]).requires_grad_()
    mel_spectrogram(sound, convention).sum().backward()
    assert sound.grad is not None
    assert sound.grad.isfinite().all()
    assert sound.grad[3000:].abs().max() > 0


def test_the_bank_of_an_inference_can_be_trained_through():
    filter_bank.cache_clear()
    with torch.inference_mode():
        mel_spectrogram(torch.zeros(512))
    sound = noise(512)[0].requires_grad_()
    mel_spectrogram(sound).sum().backward()


def test_autocast_changes_nothing():
    sound = noise(4000)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = mel_spectrogram(sound)
    torch.testing.assert_close(inside, mel_spectrogram(sound))
