"""Captioned music and sound events that are rendered as they are needed, with nothing but a soundfont."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lumina.data.arrays import stamp
from lumina.data.batches import stacked
from lumina.data.datamodule import SplitDataModule
from lumina.interfaces import Items
from lumina.music.instruments import find_instruments
from lumina.music.recipes import SPLITS, Content, Durations, Recipe, composer_of
from lumina.music.soundfonts import digest, find_soundfont
from lumina.music.synthesizer import library, render, synthesizer
from lumina.values import Item, Split


class RenderedMusic(SplitDataModule):
    """Random clips of music, or of two sound events, with captions that say what they are.

    A clip is a function of ``clips_seed``, its split and its index; the splits share no random numbers. The samples
    depend on the soundfont, too, and on the version of tinysoundfont. Where clips have several lengths, all clips of a
    batch have one.

    Fields: ``sound`` ``[B, N]`` float32 in [-1, 1]; ``length`` ``[B]`` int64, which is N; ``caption``, ``structured``
    and ``name``, lists of str; ``label`` ``[B]`` int64, the instrument or the event; of two, the first.

    Args:
        content: any of: phrases = one phrase of one instrument; sections = two, one after the other; events = two sound
            events, one in the first third and one in the last.
        count: clips of an epoch of training.
        eval_count: clips of validation, and of the test.
        seconds: length of a clip, or of the shortest.
        longest: length of the longest clip; None = all have one length.
        step: seconds from a length to the next.
        instruments: their names; None = twelve of different kinds.
        soundfont: a ``.sf2`` or ``.sf3`` file; None = FluidR3 if it is installed, else TimGM6mb of pretty_midi.
        rate: samples per second, that of the modality.
        clips_seed: seed of what is played; ``seed`` is that of the order.
        loading: of `lumina.data.datamodule.SplitDataModule`.

    Raises:
        ValueError: an argument is out of its range, or there is no such instrument or soundfont.
        ImportError: tinysoundfont is not installed, or neither a soundfont nor pretty_midi.
    """

    batch_keys: tuple[str, ...] = ("sound", "length", "caption", "structured", "name", "label")

    def __init__(
        self,
        content: list[Content] | None = None,
        count: int = 10_000,
        eval_count: int = 240,
        seconds: float = 4.0,
        longest: float | None = None,
        step: float = 0.5,
        instruments: list[str] | None = None,
        soundfont: Path | None = None,
        rate: int = 16_000,
        clips_seed: int = 0,
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        if min(count, eval_count) < 1:
            raise ValueError(f"Got count {count} and eval_count {eval_count}: set both to 1 or more.")
        self.counts: dict[Split, int] = {"train": count, "validation": eval_count, "test": eval_count}
        self.composer = composer_of(content or ["phrases"], find_instruments(instruments))
        self.recipe = Recipe(dict.fromkeys(SPLITS, self.composer), Durations(seconds, longest, step), clips_seed)
        self.soundfont, self.rate = find_soundfont(soundfont), rate
        library()  # rather than in a worker, later

    @property
    def label_names(self) -> Sequence[str]:
        """The names of the instruments, or of the events."""
        return self.composer.labels

    def dataset(self, split: Split) -> Items:
        """The clips of a split."""
        return RenderedClips(self.recipe, split, self.counts[split], self.soundfont, self.rate)

    def buckets(self, dataset: Items) -> Tensor | None:
        """The length of each clip, by number; None where all have one."""
        if not isinstance(dataset, RenderedClips) or self.recipe.durations.count == 1:
            return None
        return torch.tensor([self.recipe.duration(dataset.split, index) for index in range(len(dataset))])

    def bucket_name(self, bucket: int) -> str:
        """In seconds."""
        return f"{self.recipe.durations.seconds(bucket):.2f} s"

    def stamp(self, dataset: Items) -> str | None:
        """Of the soundfont, and of which clips they are."""
        if not isinstance(dataset, RenderedClips):
            return None
        return stamp(digest(self.soundfont), self.rate, dataset.recipe, dataset.split, len(dataset))

    def about(self, dataset: Items) -> list[str]:
        """The soundfont."""
        return [f"rendered with {self.soundfont}"]

    def collate(self, items: list[Item]) -> Item:
        """Stacks sounds of one length, lists others."""
        batch: Item = {name: [item[name] for item in items] for name in self.batch_keys}
        numbers = {name: torch.tensor(batch[name]) for name in ("length", "label")}
        return {**batch, "sound": stacked(batch["sound"]), **numbers}


class RenderedClips(Dataset[Item]):
    """The clips of a split.

    Args:
        recipe: what they are.
        split: which.
        count: how many.
        soundfont: what they are rendered with; each process reads it once.
        rate: samples per second.
    """

    def __init__(self, recipe: Recipe, split: Split, count: int, soundfont: Path, rate: int) -> None:
        self.recipe, self.split, self.count = recipe, split, count
        self.soundfont, self.rate = soundfont, rate
        self.labels = list(recipe.composers[split].labels)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Item:
        if not 0 <= index < self.count:
            raise IndexError(index)
        clip = self.recipe.clip(self.split, index)
        sound = render(clip, synthesizer(self.soundfont, self.rate))
        return {
            "sound": sound,
            "length": len(sound),
            "caption": clip.caption,
            "structured": clip.structured,
            "name": f"{self.split}/{index:06d}",
            "label": self.labels.index(clip.label),
        }
