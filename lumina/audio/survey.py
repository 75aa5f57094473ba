"""A look at some of the sounds of a data set before training: how long they are, how many are silent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lumina.audio.clips import Clips
from lumina.audio.reading import read_header, read_sound
from lumina.data.arrays import Arrays, cached, stamp
from lumina.data.sources import Source
from lumina.errors import CorruptSample
from lumina.randomness import Purpose, keyed_generator

LOOKED_AT = 200
"""Most sounds that are read."""

SILENT = 1e-4
"""Samples below this are silence: three steps of 16 bits."""

MANY = 0.01
"""Share of silent sounds from which a run says so when it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found.

    Attributes:
        records: ``[n]``, those that were looked at and can be read.
        seconds: ``[n]``, how long each is.
        silent: ``[n]`` bool, whether what evaluation takes of it is silent throughout.
    """

    records: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]
    silent: npt.NDArray[np.bool_]

    @property
    def too_silent(self) -> bool:
        """Whether many are silent."""
        return bool(self.silent.sum() > MANY * len(self.silent))


def survey(clips: Clips, cache: Path | None) -> Survey:
    """Looks at up to `LOOKED_AT` random sounds, at no more of each than is served.

    Args:
        clips: the sounds.
        cache: folder for the result; None = look each time.
    """
    generator = keyed_generator(Purpose.CHOICE, len(clips))
    chosen = clips.indices[torch.randperm(len(clips), generator=generator)[:LOOKED_AT].numpy()]
    seconds = clips.grid.lengths[-1] / clips.rate
    name = f"silence-{stamp(clips.source.stamp, chosen.tolist(), seconds)}"
    return Survey(**cached(cache, name, lambda: _looked(clips.source, chosen, seconds)))


def _looked(source: Source, chosen: npt.NDArray[np.int64], seconds: float) -> Arrays:
    found: list[tuple[int, float, bool]] = []
    for record in chosen.tolist():
        try:
            with source.open(record) as file:
                header = read_header(file, source.where(record))
                sound = read_sound(file, header.rate, seconds=seconds, name=source.where(record))
        except CorruptSample:
            continue  # reported when the sample is read
        found.append((record, header.seconds, bool(sound.abs().max() < SILENT)))
    records, lengths, silent = zip(*found, strict=True) if found else ((), (), ())
    return {
        "records": np.array(records, np.int64),
        "seconds": np.array(lengths, np.float64),
        "silent": np.array(silent, bool),
    }


def lines(clips: Clips, found: Survey) -> Iterator[str]:
    """How long the sounds are, all together and each, and how many are silent."""
    known = clips.lengths is not None
    seconds = found.seconds if clips.lengths is None else clips.lengths[clips.lengths > 0] / clips.rate
    if not len(seconds):
        return
    yield (
        f"{'' if known else 'about '}{seconds.mean() * len(clips) / 3600:,.2f} hours; {seconds.min():.2f} to "
        f"{seconds.max():.2f} s each, half of them at most {np.median(seconds):.2f} s"
    )
    yield f"{int(found.silent.sum())} of {len(found.silent)} looked at are silent"
