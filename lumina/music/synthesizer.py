"""Notes to samples, with a soundfont."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lumina.audio.reading import read_sound
from lumina.errors import importing
from lumina.music.notes import Clip, Part, Segment

DRUM_CHANNEL, DRUM_BANK = 9, 128
CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
VOICES = 256
FLUSH = 0.1  # seconds in which cut-off voices end


def library() -> Any:
    """The package that renders.

    Raises:
        ImportError: it is not installed; says how to.
    """
    with importing("tinysoundfont", "rendering music"):
        import tinysoundfont
    return tinysoundfont


class Synthesizer:
    """Renders notes. The same notes give the same samples, whatever was rendered before.

    Args:
        soundfont: a ``.sf2`` or ``.sf3`` file.
        rate: samples per second.

    Raises:
        ImportError: tinysoundfont is not installed.
        ValueError: the file cannot be read.
    """

    def __init__(self, soundfont: Path, rate: int) -> None:
        self.soundfont, self.rate = soundfont, rate
        self.synth: Any = library().Synth(samplerate=rate)
        try:
            self.font = self.synth.sfload(os.fspath(soundfont), max_voices=VOICES)
        except (RuntimeError, ValueError, OSError) as error:
            raise ValueError(f"The soundfont {soundfont} cannot be read ({error}).") from error

    def render(self, parts: Sequence[Part], samples: int) -> Tensor:
        """``[samples]`` float32, the mean of the two channels, of any level.

        Raises:
            ValueError: there are more parts than channels, or the soundfont lacks an instrument.
        """
        changes = sorted(change for part in self._placed(parts) for change in self._changes(*part))
        pieces, done = [np.zeros(0, np.float32)], 0
        for sample, on, channel, pitch, velocity in changes:
            if sample >= samples:
                break
            pieces.append(self._generate(sample - done))
            done = sample
            if on:
                self.synth.noteon(channel, pitch, velocity)
            else:
                self.synth.noteoff(channel, pitch)
        pieces.append(self._generate(samples - done))
        self.synth.sounds_off()
        self._generate(round(FLUSH * self.rate))
        return torch.from_numpy(np.concatenate(pieces)).view(-1, 2).mean(1)

    def _placed(self, parts: Sequence[Part]) -> list[tuple[int, Part]]:
        """Gives each part a channel and each channel its instrument."""
        pitched = [part for part in parts if not part.drums]
        if len(pitched) > len(CHANNELS):
            raise ValueError(f"Got {len(pitched)} parts: at most {len(CHANNELS)} sound at once.")
        placed = [*zip(CHANNELS, pitched, strict=False), *((DRUM_CHANNEL, part) for part in parts if part.drums)]
        for channel, part in placed:
            bank = DRUM_BANK if part.drums else 0
            if self.synth.sfpreset_name(self.font, bank, part.program) is None:
                kind = "drum kit" if part.drums else "instrument"
                raise ValueError(f"The soundfont {self.soundfont} has no {kind} {part.program}; choose another one.")
            self.synth.program_select(channel, self.font, bank, part.program, part.drums)
        return placed

    def _changes(self, channel: int, part: Part) -> list[tuple[int, bool, int, int, int]]:
        """Sample, whether on, channel, pitch and velocity; at one sample, notes end before others begin."""
        changes = []
        for note in part.notes:
            begin = round(note.start * self.rate)
            end = max(begin + 1, round((note.start + note.length) * self.rate))
            changes += [(begin, True, channel, note.pitch, note.velocity), (end, False, channel, note.pitch, 0)]
        return changes

    def _generate(self, samples: int) -> Any:
        """Two channels, interleaved."""
        if not samples:
            return np.zeros(0, np.float32)
        return np.frombuffer(self.synth.generate_simple(samples), np.float32)


@cache
def synthesizer(soundfont: Path, rate: int) -> Synthesizer:
    """The synthesizer of this process: it cannot be sent to another, and reading a soundfont takes a second."""
    return Synthesizer(soundfont, rate)


def render(clip: Clip, synth: Synthesizer) -> Tensor:
    """The samples of a clip, ``[N]`` float32 in [-1, 1]; N is its seconds times the rate, rounded.

    Raises:
        CorruptSample: a file of the clip cannot be read.
    """
    sound = torch.zeros(round(clip.seconds * synth.rate))
    for segment in clip.segments:
        begin = round(segment.start * synth.rate)
        count = min(round(segment.seconds * synth.rate), len(sound) - begin)
        sound[begin : begin + count] += _levelled(_samples(segment, count, synth), segment, synth.rate)
    return sound


def _samples(segment: Segment, count: int, synth: Synthesizer) -> Tensor:
    if not isinstance(segment.content, Path):
        return synth.render(segment.content, count)
    read = read_sound(segment.content, synth.rate, seconds=count / synth.rate)
    return F.pad(read, (0, count - len(read)))


def _levelled(sound: Tensor, segment: Segment, rate: int) -> Tensor:
    """Faded out at the end, then with the peak of the segment; silence stays silence."""
    fade = min(round(segment.fade * rate), len(sound))
    sound = sound.clone()
    sound[len(sound) - fade :] *= torch.linspace(1, 0, fade)
    peak = sound.abs().max()
    return sound * (segment.peak / peak) if peak > 0 else sound
