"""Mel spectrograms against librosa, transformers and diffusers, and by closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from real_sounds import real_sounds

from lumina.audio.bands import filter_bank
from lumina.audio.conventions import MAKE_AN_AUDIO, MM_AUDIO, SPEECH_T5
from lumina.audio.mel import convert, mel_spectrogram, silence

CPU = torch.device("cpu")


def noise(count: int, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, count, generator=torch.Generator().manual_seed(0)).mul(0.2).clamp(-1, 1)


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
    linear = torch.stft(padded, 1024, 256, window=torch.hann_window(1024), center=False, return_complex=True)
    by_hand = filter_bank(MAKE_AN_AUDIO, CPU) @ (linear.abs().square() + 1e-9).sqrt()
    torch.testing.assert_close(mel_spectrogram(sound), by_hand.clamp(min=1e-5).log10(), atol=1e-5, rtol=0)


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


def test_the_base_and_the_floor_are_exact():
    sound = noise(8000)
    converted = convert(mel_spectrogram(sound), "make_an_audio", "mm_audio")
    torch.testing.assert_close(converted, mel_spectrogram(sound, "mm_audio"), atol=1e-4, rtol=0)
    back = convert(converted, "mm_audio", "make_an_audio")
    torch.testing.assert_close(back, mel_spectrogram(sound), atol=1e-5, rtol=0)
    assert (convert(torch.full((80, 4), -9.0), "make_an_audio", "mm_audio") == silence(MM_AUDIO)).all()


def test_the_same_convention_changes_nothing():
    mel = mel_spectrogram(noise(8000))
    torch.testing.assert_close(convert(mel, "make_an_audio", MAKE_AN_AUDIO), mel)


@pytest.mark.parametrize(("source", "target"), [("make_an_audio", "speech_t5"), ("speech_t5", "make_an_audio")])
def test_other_bands_and_frames_are_near_to_the_real_ones(source, target):
    """Mean error in log10 over real sounds: below 0.06 where the spectrogram itself is 0.2 off.

    What lies below the floor of Make-An-Audio's is not counted: its spectrograms do not say how far below.
    """
    converted, unconverted = [], []
    for sound in real_sounds():
        mel, wanted = mel_spectrogram(sound, source), mel_spectrogram(sound, target).clamp(min=-5)
        frames = min(mel.shape[-1], wanted.shape[-1])
        got = convert(mel, source, target).clamp(min=-5)
        assert got.shape == wanted.shape
        converted.append((got - wanted).abs().mean())
        unconverted.append((mel[..., :frames].clamp(min=-5) - wanted[..., :frames]).abs().mean())
    assert torch.stack(unconverted).mean() > 0.15
    assert torch.stack(converted).mean() < 0.06


@pytest.mark.parametrize(
    ("target", "named"),
    [("audio_ldm", "hop differs, 256 and 160 samples"), ("mm_audio_44k", "rate differs, 16000 and 44100 Hz")],
)
def test_another_grid_is_refused_with_both_numbers(target, named):
    with pytest.raises(ValueError, match=named):
        convert(torch.zeros(80, 4), "make_an_audio", target)


def test_one_frame_can_be_converted():
    mel = torch.zeros(1, 80, 1)
    assert convert(mel, "make_an_audio", "speech_t5").shape == (1, 80, 2)
    assert convert(mel, "speech_t5", "make_an_audio").shape == (1, 80, 0)
