"""What a set of clips consists of: clip i of a split is a function of the recipe and of i alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Literal, get_args

from lumina.music.composing import Composer, Phrases, Sections
from lumina.music.events import EVENTS, SoundEvent, TwoEvents
from lumina.music.instruments import Instrument
from lumina.music.notes import Clip
from lumina.randomness import Purpose, keyed_random
from lumina.values import Split

Content = Literal["phrases", "sections", "events"]
"""One phrase of one instrument; two, one after the other; two sound events with silence between them."""

SPLITS: tuple[Split, ...] = get_args(Split)
SHORTEST, LONGEST = 0.5, 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Durations:
    """How long clips are: equally likely steps from the shortest to the longest.

    Args:
        shortest: in seconds.
        longest: in seconds; None = all are as the shortest.
        step: in seconds.

    Raises:
        ValueError: a number is out of its range.
    """

    shortest: float
    longest: float | None = None
    step: float = 0.5

    def __post_init__(self) -> None:
        longest = self.shortest if self.longest is None else self.longest
        if not SHORTEST <= self.shortest <= longest <= LONGEST:
            raise ValueError(
                f"Got clips of {self.shortest:g} to {longest:g} seconds: set {SHORTEST:g} to {LONGEST:g}, the shorter "
                "first."
            )
        if not 0 < self.step < float("inf"):
            raise ValueError(f"Got a step of {self.step:g} seconds between durations: set more than 0.")

    @property
    def count(self) -> int:
        """Number of durations."""
        return 1 if self.longest is None else int((self.longest - self.shortest) / self.step + 1e-6) + 1

    def seconds(self, number: int) -> float:
        """A duration by its number, from 0."""
        return self.shortest + number * self.step


@dataclass(frozen=True)
class Mixed(Composer):
    """Clips of several kinds, all equally likely.

    Args:
        composers: of each kind.
    """

    composers: Sequence[Composer]

    @property
    def labels(self) -> Sequence[str]:  # type: ignore[override]
        """The labels of all kinds, each once."""
        return list(dict.fromkeys(label for composer in self.composers for label in composer.labels))

    def compose(self, random: Random, seconds: float) -> Clip:
        """A clip of one of the kinds."""
        return random.choice(self.composers).compose(random, seconds)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Clips by split and index. Two splits share no random numbers.

    Args:
        composers: makes the clips of each split.
        durations: how long they are.
        seed: of everything.
    """

    composers: Mapping[Split, Composer]
    durations: Durations
    seed: int = 0

    def duration(self, split: Split, index: int) -> int:
        """The number of a clip's duration."""
        return self._random(split, index, 0).randrange(self.durations.count)

    def clip(self, split: Split, index: int) -> Clip:
        """A clip."""
        seconds = self.durations.seconds(self.duration(split, index))
        return self.composers[split].compose(self._random(split, index, 1), seconds)

    def _random(self, split: Split, index: int, purpose: int) -> Random:
        return keyed_random(Purpose.COMPOSITION, self.seed, SPLITS.index(split), index, purpose)


def composer_of(
    contents: Sequence[Content], instruments: tuple[Instrument, ...], events: tuple[SoundEvent, ...] = EVENTS
) -> Composer:
    """The composer of one kind of clips or of several.

    Args:
        contents: kinds of clips.
        instruments: what plays music.
        events: what is heard in clips of two events.

    Raises:
        ValueError: no kind is named, or a kind needs more instruments.
    """
    makers: Mapping[Content, Callable[[], Composer]] = {
        "phrases": partial(Phrases, instruments),
        "sections": partial(Sections, instruments),
        "events": partial(TwoEvents, events),
    }
    composers = [makers[content]() for content in dict.fromkeys(contents)]
    if not composers:
        raise ValueError(f"Got no content: choose from {', '.join(makers)}.")
    return composers[0] if len(composers) == 1 else Mixed(composers)
