"""Waveforms to logarithmic mel spectrograms, and those of one convention to another."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lumina.audio.bands import held, to_bands, to_linear
from lumina.audio.conventions import CONVENTIONS
from lumina.audio.frames import magnitudes
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
    return logarithm(to_bands(magnitudes(waveform, convention), convention), convention)


def convert(mel: Tensor, source: str | MelConvention, target: str | MelConvention) -> Tensor:
    """A mel spectrogram as if it were made by another convention.

    Another base of the logarithm is exact, another floor too unless it is lower. Other bands are estimated from linear
    magnitudes that have the given ones, and frames half a hop apart by cubic interpolation.

    Args:
        mel: ``[..., bands, T]`` of ``source``.
        source: convention of ``mel``.
        target: convention of the result.

    Returns:
        ``[..., bands, T]``; with one frame more where only the target's frames are centred on samples, with one less
        where only the source's are, as a sound of ``T * hop`` samples has.

    Raises:
        ValueError: the conventions differ in rate, hop or window; names both numbers. Or one is unknown.
    """
    source, target = named(source), named(target)
    require_convertible(source, target)
    if same_bank(source, target):
        mel = mel.float() * (math.log(source.base) / math.log(target.base))
    else:
        linear = held(to_linear(exponential(mel, source), source), source)
        mel = logarithm(to_bands(linear, target), target)
    if source.centred != target.centred:
        mel = _half_a_frame_on(mel, beyond=target.centred)
    return mel.clamp(min=silence(target))


def require_convertible(source: MelConvention, target: MelConvention) -> None:
    """Refuses conventions whose spectrograms `convert` cannot turn into each other.

    Raises:
        ValueError: names both numbers.
    """
    for name, unit in (("rate", "Hz"), ("hop", "samples"), ("fft", "samples")):
        ours, theirs = getattr(source, name), getattr(target, name)
        if ours != theirs:
            raise ValueError(
                f"a mel spectrogram of the convention {source.name} cannot become one of {target.name}: their {name} "
                f"differs, {ours} and {theirs} {unit}"
            )


def same_bank(one: MelConvention, other: MelConvention) -> bool:
    """Whether both have the same bands, over the same transform."""
    return all(getattr(one, name) == getattr(other, name) for name in ("rate", "fft", "bands", "low", "high"))


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


def logarithm(magnitudes: Tensor, convention: MelConvention) -> Tensor:
    """The logarithm of what is raised to the floor; of silence it is `silence`."""
    return (magnitudes.clamp(min=convention.floor).log() / math.log(convention.base)).float()


def exponential(mel: Tensor, convention: MelConvention) -> Tensor:
    """The reverse of `logarithm`, in float32."""
    return (mel.float() * math.log(convention.base)).exp()


def silence(convention: MelConvention) -> float:
    """The least value of a mel spectrogram, which also pads one."""
    return math.log(convention.floor) / math.log(convention.base)


def _half_a_frame_on(mel: Tensor, beyond: bool) -> Tensor:
    """Values halfway between frames, ``T - 1`` of them, or ``T + 1`` with one beyond each end."""
    edge = 2 if beyond else 1
    padded = torch.cat([mel[..., :1]] * edge + [mel] + [mel[..., -1:]] * edge, dim=-1)
    near = padded[..., 1:-2] + padded[..., 2:-1]
    far = padded[..., :-3] + padded[..., 3:]
    return (9 * near - far) / 16
