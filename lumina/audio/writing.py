"""Writes sound files, which hold how they were made."""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from lumina.audio.loudness import within_one
from lumina.errors import importing
from lumina.files.atomic import replacing

WRITTEN = {".flac": "FLAC", ".wav": "WAV"}
"""Formats that are written, by suffix: 16 bits, without loss beyond that."""


def write_sound(sound: Tensor, rate: int, path: Path, texts: Mapping[str, str] | None = None) -> Path:
    """Writes one channel as WAV or FLAC of 16 bits.

    A sound whose peak exceeds 1 is scaled until it is 1, with a warning; it is never clipped.

    Args:
        sound: ``[N]`` in [-1, 1].
        rate: samples a second.
        path: ends in .wav or .flac; an existing file is replaced.
        texts: named Unicode texts, kept as one JSON object in the file's comment.

    Raises:
        ValueError: the sound has no samples, more than one channel, NaN or infinity, or the suffix is another.
    """
    with importing("soundfile", "writing sound"):
        import soundfile
    _check(sound, path)
    comment = json.dumps(dict(texts), ensure_ascii=False) if texts else ""
    kind = WRITTEN[path.suffix.lower()]
    steps = (_within_one(sound, path) * 2**15).round().clamp(max=2**15 - 1)  # libsndfile would cut off, not round
    with replacing(path) as partial:
        with soundfile.SoundFile(partial, "w", rate, 1, "PCM_16", format=kind) as file:
            if comment and kind == "FLAC":
                file.comment = comment
            file.write(steps.short().cpu().numpy())
        if comment and kind == "WAV":
            _append_comment(partial, comment)
    return path


def _check(sound: Tensor, path: Path) -> None:
    if path.suffix.lower() not in WRITTEN:
        raise ValueError(f"{path}: sound is written as {' or '.join(WRITTEN)}, not as {path.suffix or 'no suffix'}")
    if sound.dim() != 1 or not len(sound):
        raise ValueError(f"{path}: got a sound of shape {list(sound.shape)}, expected [N] with N above 0")
    if not sound.isfinite().all():
        raise ValueError(f"{path}: the sound holds NaN or infinity; it was not written")


def _within_one(sound: Tensor, path: Path) -> Tensor:
    sound = sound.detach().float()
    peak = float(sound.abs().max())
    if peak <= 1:
        return sound
    warnings.warn(f"{path.name}: the sound's peak was {peak:.2f} and is scaled to 1", stacklevel=3)
    return within_one(sound)


def _append_comment(path: Path, comment: str) -> None:
    """Adds a chunk of information behind the data; libsndfile would drop one of more than 4 kB in silence."""
    text = comment.encode() + b"\0"
    info = b"INFO" + _chunk(b"ICMT", text)
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(_chunk(b"LIST", info))
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
