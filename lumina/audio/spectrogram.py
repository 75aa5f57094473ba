"""Mel spectrograms as pictures."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lumina.audio.mel import mel_spectrogram
from lumina.values import MelConvention

WIDEST = 320  # pixels; several frames share a column of a longer sound
DARKEST, BRIGHTEST = -4.0, 1.0  # log10 of the magnitudes at the ends of the colours: 100 dB


def spectrogram_picture(sound: Tensor, convention: MelConvention) -> Tensor:
    """A picture of ``sound [N]``: ``[3, bands, W]`` in [-1, 1], time to the right, frequency upwards.

    The colours mean the same levels in every picture. The time that a column stands for depends on the length.
    """
    least = convention.fft  # samples that a padding by reflection needs
    padded = F.pad(sound.detach().float().cpu(), (0, max(0, least - len(sound))))
    return mel_picture(mel_spectrogram(padded, convention), convention)


def mel_picture(mel: Tensor, convention: MelConvention) -> Tensor:
    """As `spectrogram_picture`, of a mel spectrogram ``[bands, T]``; NaN is black, as silence is."""
    from matplotlib import colormaps

    levels = mel.detach().float().cpu() * math.log10(convention.base)
    frames = math.ceil(levels.shape[-1] / WIDEST)
    columns = F.avg_pool1d(levels[None], frames, ceil_mode=True)[0].flip(0)
    shares = ((columns - DARKEST) / (BRIGHTEST - DARKEST)).clamp(0, 1).nan_to_num()
    colours = torch.tensor(colormaps["magma"].resampled(256)(range(256))[:, :3], dtype=torch.float32)
    return colours[(shares * 255).round().long()].permute(2, 0, 1) * 2 - 1
