"""The short Fourier transform below a mel spectrogram: windows, padding, magnitudes."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from lumina.values import MelConvention


def magnitudes(waveform: Tensor, convention: MelConvention) -> Tensor:
    """``[..., N]`` to the magnitudes ``[..., fft // 2 + 1, frames]`` of its short Fourier transform.

    Raises:
        ValueError: the sound is shorter than a frame.
    """
    least = 1 if convention.centred else convention.hop
    if waveform.shape[-1] < least:
        raise ValueError(
            f"a sound of {waveform.shape[-1]} samples is shorter than a frame of the mel spectrogram, {least} samples; "
            "pad it with silence"
        )
    with torch.autocast(waveform.device.type, enabled=False):
        padded = reflected(waveform.to(_precision(convention, waveform.device)), padding(convention))
        flat = padded.reshape(-1, padded.shape[-1])
        shape = window(convention.fft, flat.device).to(flat.dtype)
        spectrum = torch.stft(
            flat, convention.fft, convention.hop, window=shape, center=False, return_complex=True
        ).unflatten(0, waveform.shape[:-1] or (1,))
        if convention.inside:
            found = (torch.view_as_real(spectrum).square().sum(-1) + convention.inside).sqrt()
        else:
            found = spectrum.abs()
    return found if waveform.dim() > 1 else found[0]


@lru_cache(maxsize=64)
def window(fft: int, device: torch.device) -> Tensor:
    """A periodic Hann window, ``[fft]`` float32."""
    with torch.inference_mode(False), torch.device("cpu"):
        return torch.hann_window(fft).to(device)


def padding(convention: MelConvention) -> int:
    """Samples that are reflected at each end."""
    return convention.fft // 2 if convention.centred else (convention.fft - convention.hop) // 2


def reflected(waveform: Tensor, padding: int) -> Tensor:
    """NumPy's padding "reflect", which PyTorch refuses where a sound is not longer than the padding."""
    count, device = waveform.shape[-1], waveform.device
    before = _mirrored(torch.arange(-padding, 0, device=device), count)
    after = _mirrored(torch.arange(count, count + padding, device=device), count)
    return torch.cat([waveform[..., before], waveform, waveform[..., after]], dim=-1)


def _mirrored(places: Tensor, count: int) -> Tensor:
    """Places on an endless row of reflections to those of ``count`` samples."""
    period = max(1, 2 * (count - 1))
    places = places.remainder(period)
    return torch.minimum(places, period - places).clamp(max=count - 1)


def _precision(convention: MelConvention, device: torch.device) -> torch.dtype:
    """Below a floor of about 1e-7 a transform in float32 is rounding noise; Apple's devices have nothing finer."""
    return torch.float64 if convention.floor < 1e-7 and device.type != "mps" else torch.float32
