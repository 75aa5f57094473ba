"""Captioned sounds of a source, each with the length that it is brought to; they are read part by part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from lumina.audio.lengths import Grid
from lumina.audio.loudness import Loudness
from lumina.audio.reading import read_header, read_sound
from lumina.audio.resampling import resampled_length
from lumina.audio.texts import Captions
from lumina.data.sources import Source
from lumina.values import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A sound yet to be read.

    Attributes:
        source: whose record it is.
        record: index of the record.
        samples: of the whole sound, at ``rate``.
        size: samples that it is brought to.
        rate: samples a second.
        loudness: of `lumina.audio.reading.read_sound`.
    """

    source: Source
    record: int
    samples: int
    size: int
    rate: int
    loudness: Loudness = "none"

    @property
    def room(self) -> int:
        """Samples beyond ``size``: the last start of a part of that many."""
        return max(0, self.samples - self.size)

    def read(self, start: int = 0) -> Tensor:
        """``[size]`` float32 in [-1, 1] from sample ``start`` on; silence behind the end of the sound.

        Raises:
            CorruptSample: it cannot be read.
        """
        seconds = self.size / self.rate if self.room else None
        with self.source.open(self.record) as file:
            sound = read_sound(
                file, self.rate, start / self.rate, seconds, self.loudness, self.source.where(self.record)
            )[: self.size]
        return F.pad(sound, (0, self.size - len(sound)))


class Clips(Dataset[Item]):
    """Samples of a source; ``sound`` is a `Clip`, ``caption`` and ``structured`` are whole pools.

    Args:
        source: the records.
        indices: those that belong to the data set.
        captions: where theirs are.
        grid: the lengths.
        rate: samples a second.
        loudness: of `lumina.audio.reading.read_sound`.
        lengths: ``[N]``, samples of each sound at ``rate``, 0 = unknown; None = read from each file as it is served.
    """

    def __init__(
        self,
        source: Source,
        indices: npt.NDArray[np.int64],
        captions: Captions,
        grid: Grid,
        rate: int,
        loudness: Loudness = "none",
        lengths: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self.source, self.indices, self.captions = source, indices, captions
        self.grid, self.rate, self.loudness, self.lengths = grid, rate, loudness, lengths

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Item:
        record = int(self.indices[index])
        pool, structured, _ = self.captions.of(self.source, record)
        clip = self.clip(index)
        return {
            "sound": clip,
            "length": min(clip.samples, clip.size),
            "caption": pool,
            "structured": structured,
            "name": self.source.name(record),
        }

    def clip(self, index: int) -> Clip:
        """A sample's sound.

        Raises:
            CorruptSample: its header cannot be read.
        """
        record = int(self.indices[index])
        samples = 0 if self.lengths is None else int(self.lengths[index])
        if not samples:
            with self.source.open(record) as file:
                header = read_header(file, self.source.where(record))
            samples = resampled_length(header.samples, header.rate, self.rate)
        return Clip(
            source=self.source,
            record=record,
            samples=samples,
            size=self.grid.lengths[self.grid.of(samples)],
            rate=self.rate,
            loudness=self.loudness,
        )
