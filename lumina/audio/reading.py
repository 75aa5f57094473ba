"""Reads sound files: one channel, one rate, within -1 to 1; of long files only the part that is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from lumina.audio.loudness import Loudness, at_loudness
from lumina.audio.resampling import context, ratio, resample, resampled_length
from lumina.errors import CorruptSample, importing
from lumina.files.regular import open_regular

SUFFIXES = (".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".w64")
"""Suffixes of sound files, in lower case; what a file is its content says."""

FIELDS = ("sound", "audio", "audio_path", "path", "file_name", "filename", "wav", "flac", "mp3", "ogg", "opus")
"""Usual names of the sound field in records, in order of preference."""

FORMATS = ("AIFF", "AU", "CAF", "FLAC", "MP3", "OGG", "RF64", "W64", "WAV", "WAVEX")
"""Formats that are read, in libsndfile's names; what it calls sound beside them may be any file of bytes."""

FROM_START = ("MP3",)
"""Formats that are decoded from their start whatever part is wanted: libsndfile's seek loses its way in them."""

RATES = (1000, 1_000_000)
"""Least and greatest sample rate of a file, in Hz: a header that claims less would grow without limit."""

BLOCK = 4096  # frames that are read at once: a header may claim any number of them
UNKNOWN = (range(0x7FFFE000, 0x80000001), range(0xFFFFF000, 2**65))  # bytes that sox, ffmpeg claim for a stream
CLAIM = re.compile(r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a sound file says of itself.

    Attributes:
        rate: samples a second.
        samples: of each channel.
        channels: number of channels.
    """

    rate: int
    samples: int
    channels: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.samples / self.rate


def read_header(file: Path | BinaryIO, name: str | Path | None = None) -> Header:
    """Reads no more than a file's header.

    Args:
        file: its path, or the open file, which can be sought in.
        name: of the file in errors; None = its path.

    Raises:
        CorruptSample: the file is no sound, holds no samples, or fewer than its header claims, as far as can be told
            without decoding it.
    """
    with _opened(file, name) as (_, header):
        return header


def read_sound(
    file: Path | BinaryIO,
    rate: int,
    start: float = 0.0,
    seconds: float | None = None,
    loudness: Loudness = "none",
    name: str | Path | None = None,
) -> Tensor:
    """Reads a file, or a part of it, as the mean of its channels.

    A part equals the same part of the whole: what its edges need beyond it is read too. It is shorter than asked for
    where the file ends before.

    Args:
        file: its path, or the open file, which can be sought in.
        rate: of the result, in Hz.
        start: of the part, in seconds.
        seconds: length of the part; None = to the end.
        loudness: "none" = as it is; "peak" = the greatest sample is 1; a number = LUFS (ITU-R BS.1770-4), or less where
            a sample would exceed 1.
        name: of the file in errors; None = its path.

    Returns:
        ``[N]`` float32; what exceeds -1 to 1 is clamped.

    Raises:
        CorruptSample: the file cannot be read, is truncated, holds NaN or infinity, or ends before the part begins.
        ValueError: the part is negative or empty, or the loudness unknown.
    """
    if start < 0 or (seconds is not None and not seconds > 0):
        raise ValueError(
            f"Got start={start} and seconds={seconds} of a sound: set start to 0 or more, seconds above 0."
        )
    with _opened(file, name) as (sound, header):
        first, last = round(start * rate), None if seconds is None else round((start + seconds) * rate)
        total = resampled_length(header.samples, header.rate, rate)
        if first >= total:
            raise ValueError(f"it lasts {header.seconds:.3f} seconds, but a part from {start:.3f} seconds on is wanted")
        part = _part(sound, header, rate, first, total if last is None else min(last, total))
    return at_loudness(part, rate, loudness).clamp(-1, 1)


def _part(sound: Any, header: Header, rate: int, first: int, last: int) -> Tensor:
    """Samples ``first`` to ``last`` of the resampled file."""
    old, new = ratio(header.rate, rate)
    around = context(header.rate, rate)
    begin = max(0, first // new * old - around)
    end = min(header.samples, -(-last // new) * old + around)
    part = resample(_channel_mean(sound, header, begin, end), header.rate, rate)
    offset = begin // old * new
    return part[first - offset : last - offset].clone()


def _channel_mean(sound: Any, header: Header, begin: int, end: int) -> Tensor:
    """Frames ``begin`` to ``end``, ``[end - begin]``."""
    means, place = [], begin
    try:
        for block in _blocks(sound, begin, end):
            means.append(block.mean(1))
            place += len(block)
    except RuntimeError as error:  # libsndfile's
        raise ValueError(_broken_off(place, header)) from error
    if place < end:
        raise ValueError(_broken_off(place, header))
    mean = torch.cat(means)
    if not mean.isfinite().all():
        raise ValueError("it holds NaN or infinity")
    return mean


def _blocks(sound: Any, begin: int, end: int) -> Iterator[Tensor]:
    """Frames ``begin`` to ``end``, or to where the file breaks off, ``[at most BLOCK, channels]`` at a time."""
    place = 0
    if sound.format not in FROM_START:
        place = sound.seek(begin)
    while place < end:
        to = begin if place < begin else end
        block = sound.read(min(BLOCK, to - place), dtype="float32", always_2d=True)
        if not len(block):
            return
        place += len(block)
        if place > begin:
            yield torch.from_numpy(block)


def _broken_off(place: int, header: Header) -> str:
    return f"truncated or damaged after about {place} of the {header.samples} samples that its header claims"


@contextmanager
def _opened(file: Path | BinaryIO, name: str | Path | None) -> Iterator[tuple[Any, Header]]:
    opened, libsndfile_error = _soundfile()
    try:
        if isinstance(file, (str, Path)):
            # by its descriptor: by its name libsndfile takes text.vox for sound
            with open_regular(file) as stream, opened(stream.fileno(), closefd=False) as sound:
                yield sound, _checked(sound)
        else:
            file.seek(0)
            with opened(file) as sound:
                yield sound, _checked(sound)
    except libsndfile_error as error:
        raise CorruptSample(str(name or file), error.error_string or "it cannot be decoded") from error
    except (OSError, ValueError) as error:
        raise CorruptSample(str(name or file), error) from error


@cache
def _soundfile() -> tuple[Any, Any]:
    """The class of open files, and libsndfile's error."""
    with importing("soundfile", "reading sound"):
        import soundfile

    class Sequential(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            return False  # or each read would end in a seek, after which MP3 decodes to something else

    return Sequential, soundfile.LibsndfileError


def _checked(sound: Any) -> Header:
    if sound.format not in FORMATS:
        raise ValueError(f"its format, {sound.format_info}, is not read; convert it to WAV or FLAC")
    if not RATES[0] <= sound.samplerate <= RATES[1]:
        raise ValueError(f"it claims a rate of {sound.samplerate} Hz, expected {RATES[0]} to {RATES[1]}")
    for claimed, found in (map(int, pair) for pair in CLAIM.findall(sound.extra_info)):
        if found < claimed and not any(claimed in lengths for lengths in UNKNOWN):
            samples = round(sound.frames * claimed / max(found, 1))
            raise ValueError(f"truncated: it holds {sound.frames} of the {samples} samples that its header claims")
    if sound.frames <= 0:
        raise ValueError("it holds no samples")
    return Header(rate=sound.samplerate, samples=sound.frames, channels=sound.channels)
