"""Waveforms to logarithmic mel spectrograms, by any convention."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from lumina.audio.conventions import CONVENTIONS
from lumina.errors import importing
from lumina.values import MelConvention


def mel_spectrogram(waveform: Tensor, convention: str | MelConvention = "make_an_audio") -> Tensor:
    """The logarithm of the mel spectrogram, in float32; gradients flow through it.

    The sound's level is left alone; `lumina.audio.reading.read_sound` keeps it within -1 to 1. Edges are reflected,
    several times where a sound is shorter than the padding.

    Args:
        waveform: ``[..., N]`` at the convention's rate.
        convention: one of `CONVENTIONS` by its name, or any other.

    Returns:
        ``[..., bands, frames]`` with ``N // hop`` frames, or ``1 + N // hop`` where they are centred on samples.

    Raises:
        ValueError: the convention is unknown, or the sound is shorter than a frame.
    """
    convention = named(convention)
    mel = to_bands(magnitudes(waveform, convention), convention)
    return logarithm(mel, convention)


def named(convention: str | MelConvention) -> MelConvention:
    """A convention by its name; any other is returned as it is.

    Raises:
        ValueError: the name is unknown.
    """
    if isinstance(convention, MelConvention):
        return convention
    if convention not in CONVENTIONS:
        raise ValueError(f"unknown mel convention {convention!r}, expected one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[convention]


def magnitudes(waveform: Tensor, convention: MelConvention) -> Tensor:
    """``[..., N]`` to the magnitudes ``[..., fft // 2 + 1, frames]`` of its short Fourier transform."""
    least = 1 if convention.centred else convention.hop
    if waveform.shape[-1] < least:
        raise ValueError(
            f"a sound of {waveform.shape[-1]} samples is shorter than a frame of the mel spectrogram, {least} samples; "
            "pad it with silence"
        )
    with torch.autocast(waveform.device.type, enabled=False):
        padded = _reflected(waveform.to(_precision(convention)), _padding(convention))
        flat = padded.reshape(-1, padded.shape[-1])
        spectrum = torch.stft(
            flat,
            convention.fft,
            convention.hop,
            window=window(convention.fft, flat.device).to(flat.dtype),
            center=False,
            return_complex=True,
        )
        if convention.inside:
            spectrum = (torch.view_as_real(spectrum).square().sum(-1) + convention.inside).sqrt()
        else:
            spectrum = spectrum.abs()
    return spectrum.reshape(*waveform.shape[:-1], *spectrum.shape[-2:])


def to_bands(linear: Tensor, convention: MelConvention) -> Tensor:
    """Magnitudes ``[..., fft // 2 + 1, T]`` to ``[..., bands, T]``."""
    with torch.autocast(linear.device.type, enabled=False):
        return filter_bank(convention, linear.device).to(linear.dtype) @ linear


def logarithm(magnitudes: Tensor, convention: MelConvention) -> Tensor:
    """The logarithm of what is raised to the floor; of silence it is `silence`."""
    return (magnitudes.clamp(min=convention.floor).log() / math.log(convention.base)).float()


def exponential(mel: Tensor, convention: MelConvention) -> Tensor:
    """The reverse of `logarithm`, in float32."""
    return (mel.float() * math.log(convention.base)).exp()


def silence(convention: MelConvention) -> float:
    """The least value of a mel spectrogram, which also pads one."""
    return math.log(convention.floor) / math.log(convention.base)


@lru_cache(maxsize=64)
def filter_bank(convention: MelConvention, device: torch.device) -> Tensor:
    """The bank of triangles of librosa, by Slaney's scale and area, ``[bands, fft // 2 + 1]`` float32."""
    with importing("torchaudio", "a mel spectrogram"):
        from torchaudio.functional import melscale_fbanks
    with torch.inference_mode(False), torch.device("cpu"):
        bank = melscale_fbanks(
            convention.fft // 2 + 1,
            convention.low,
            convention.high,
            convention.bands,
            convention.rate,
            norm="slaney",
            mel_scale="slaney",
        )
        return bank.T.contiguous().to(device)


@lru_cache(maxsize=64)
def window(fft: int, device: torch.device) -> Tensor:
    """A periodic Hann window, ``[fft]`` float32."""
    with torch.inference_mode(False), torch.device("cpu"):
        return torch.hann_window(fft).to(device)


def _padding(convention: MelConvention) -> int:
    """Samples to reflect at each end."""
    return convention.fft // 2 if convention.centred else (convention.fft - convention.hop) // 2


def _precision(convention: MelConvention) -> torch.dtype:
    """Below a floor of about 1e-7 a transform in float32 is rounding noise."""
    return torch.float64 if convention.floor < 1e-7 else torch.float32


def _reflected(waveform: Tensor, padding: int) -> Tensor:
    """NumPy's padding "reflect", which PyTorch refuses where a sound is not longer than the padding."""
    count = waveform.shape[-1]
    device = waveform.device
    before = _mirrored(torch.arange(-padding, 0, device=device), count)
    after = _mirrored(torch.arange(count, count + padding, device=device), count)
    return torch.cat([waveform[..., before], waveform, waveform[..., after]], dim=-1)


def _mirrored(places: Tensor, count: int) -> Tensor:
    """Places on an endless row of reflections to those of ``count`` samples."""
    period = max(1, 2 * (count - 1))
    places = places.remainder(period)
    return torch.minimum(places, period - places).clamp(max=count - 1)
