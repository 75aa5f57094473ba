"""A sound that samples start from, or parts of which they keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lumina.audio.reading import read_sound
from lumina.audio.seam import Parts, joined
from lumina.audio.wishes import Keep, in_samples

MARGIN = 2  # tokens before a seam that are drawn though their sound stays: their latents see beyond it


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSound:
    """The beginning of a sound file.

    Attributes:
        sound: ``[N]``, no longer than a sample.
        samples: of the sample.
        parts: what stays, in samples; None = nothing, the sample starts from all of it.
    """

    sound: Tensor
    samples: int
    parts: Parts | None

    @classmethod
    def of(cls, path: Path, rate: int, samples: int, keep: Keep | None) -> KnownSound:
        """What a file says of a sample.

        Args:
            path: of the file.
            rate: of the sample.
            samples: of the sample.
            keep: what stays.
        """
        sound = read_sound(path, rate, seconds=samples / rate)
        parts = None if keep is None else in_samples(keep, rate, len(sound))
        return cls(sound=sound, samples=samples, parts=parts)

    def filled(self, samples: int) -> Tensor:
        """``[samples]``; after its end the sound runs backwards, since silence would be heard as an end."""
        period = max(1, 2 * (len(self.sound) - 1))
        places = torch.arange(samples) % period
        return self.sound[torch.minimum(places, period - places)]

    def kept_tokens(self, count: int, cell: int) -> Tensor:
        """``[count]`` bool: tokens of ``cell`` samples that lie within what stays, `MARGIN` of them from each seam."""
        kept = torch.zeros(count, dtype=torch.bool)
        for first, last in self.parts or ():
            begin = 0 if first == 0 else -(-first // cell) + MARGIN
            end = count if last == self.samples else last // cell - MARGIN
            kept[begin : max(begin, end)] = True
        return kept

    def restore(self, samples: Sequence[Tensor]) -> list[Tensor]:
        """Drawn sounds ``[N]`` with what stays in its place, sample for sample."""
        return [joined(drawn, self.sound.to(drawn), self.parts or ()) for drawn in samples]
