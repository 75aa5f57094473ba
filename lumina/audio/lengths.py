"""How long the sounds of a source are, and the few lengths that they are brought to."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from lumina.audio.reading import read_header
from lumina.audio.resampling import resampled_length
from lumina.data.arrays import Arrays, cached
from lumina.data.sources.source import Source
from lumina.errors import CorruptSample


def grid_lengths(rate: int, seconds: float, fineness: int = 8, cell: int = 512) -> list[int]:
    """The lengths that sounds come in, in samples, ascending.

    Between a number of seconds that is a power of two and the next such number lie ``fineness`` equal steps, so that
    what is added to a sound is at most ``1 / fineness`` of it, and clips of a whole number of seconds are common
    lengths. All are whole numbers of tokens; the longest is that of ``seconds``.

    Args:
        rate: samples a second.
        seconds: of the longest.
        fineness: steps from a length to twice that length.
        cell: samples of a token.

    Raises:
        ValueError: there is no such length.
    """
    if fineness < 1 or cell < 1 or rate < 1:
        raise ValueError(f"Got rate {rate}, fineness {fineness}, cell {cell}: set each to 1 or more.")
    if not cell / rate <= seconds < float("inf"):
        raise ValueError(f"Got {seconds} seconds: set at least one token, {cell / rate:.3f} seconds, and an end.")
    longest = _tokens(rate * seconds, cell)
    steps = {longest}
    octave = 1.0
    while octave > cell / rate:
        octave /= 2
    while octave <= seconds:
        steps |= {_tokens(rate * octave * (1 + step / fineness), cell) for step in range(fineness)}
        octave *= 2
    return [tokens * cell for tokens in sorted(steps) if tokens <= longest]


def _tokens(samples: float, cell: int) -> int:
    """The nearest number of tokens, the lower one half-way: 10 s at 16 kHz are 312."""
    return max(1, int(-(-(samples - cell / 2) // cell)))


class Grid:
    """Assigns a length to each sound; the length does not depend on other sounds.

    A sound of at most half a token more than a length loses that; other sounds are filled up with silence, and cut at
    the longest length.

    Args:
        lengths: the allowed ones, in samples, ascending.
        cell: samples of a token.
    """

    def __init__(self, lengths: Sequence[int], cell: int = 512) -> None:
        self.lengths, self.cell = lengths, cell

    def of(self, samples: int) -> int:
        """Index into ``lengths`` for a sound of so many samples."""
        return min(bisect_left(self.lengths, samples - self.cell // 2), len(self.lengths) - 1)

    def of_all(self, samples: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Indices ``[N]`` for sounds of so many samples; 0 samples, an unreadable sound, get the commonest index."""
        indices = np.searchsorted(self.lengths, samples - self.cell // 2).clip(max=len(self.lengths) - 1)
        known = samples > 0
        commonest = np.bincount(indices[known]).argmax() if known.any() else 0
        return np.where(known, indices, commonest)


def sound_lengths(source: Source, rate: int, cache: Path | None) -> npt.NDArray[np.int64]:
    """Samples at ``rate`` of every sound of a source, ``[N]``; 0 if its header cannot be read.

    Args:
        source: the sounds.
        rate: samples a second after resampling.
        cache: folder for the result, because reading all headers takes long; None = read them each time.
    """
    arrays = cached(cache, f"sounds-{source.stamp}", lambda: _headers(source), lambda known: _headers(source, known))
    pairs = zip(arrays["samples"].tolist(), arrays["rates"].tolist(), strict=True)
    lengths = [resampled_length(samples, own, rate) if samples else 0 for samples, own in pairs]
    return np.array(lengths, np.int64)


def _headers(source: Source, known: Arrays | None = None) -> Arrays:
    """Samples and rates ``[N]``, 0 where unreadable; only sounds without a known length are read."""
    samples = np.zeros(len(source), np.int64) if known is None else known["samples"].copy()
    rates = np.zeros(len(source), np.int64) if known is None else known["rates"].copy()
    for index in tqdm(np.flatnonzero(samples == 0).tolist(), "Lengths of the sounds", delay=2, disable=None):
        try:
            with source.open(index) as file:
                header = read_header(file, source.where(index))
        except CorruptSample:
            continue  # reported when the sample is read
        samples[index], rates[index] = header.samples, header.rate
    return known if known is not None and np.array_equal(samples, known["samples"]) else _arrays(samples, rates)


def _arrays(samples: npt.NDArray[np.int64], rates: npt.NDArray[np.int64]) -> Arrays:
    return {"samples": samples, "rates": rates}
