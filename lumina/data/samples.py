"""Reads samples by `Key`: randomness is seeded with (seed, epoch, index, copy); corrupt samples are replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.utils.data import Dataset

from lumina.data.sampler import BLANK, Key
from lumina.errors import CorruptSample
from lumina.interfaces import Items
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Item

Transform = Callable[[Item, Generator | None], Item]
Collate = Callable[[list[Item]], Item]

TRIES = 100
"""Maximum number of corrupt samples in a row before reading fails."""


class Sample(NamedTuple):
    """An item on its way from a worker to the batch.

    Attributes:
        item: the sample's fields; empty for a `BLANK` key.
        real: False for a filler.
        tried: indices of the samples that were tried; the last one is this sample.
        skipped: a message for each corrupt sample among them, which this one replaces.
        identity: index and variation of the requested sample.
    """

    item: Item
    real: bool
    tried: tuple[int, ...]
    skipped: Mapping[int, str]
    identity: tuple[int, int]


class Tried(NamedTuple):
    """The samples that were tried for a batch.

    Attributes:
        indices: indices of these samples.
        skipped: a message for each unreadable sample.
    """

    indices: tuple[int, ...]
    skipped: Mapping[int, str]


class Samples(Dataset[Sample]):
    """A dataset indexed by `Key`.

    A corrupt sample is replaced by the next readable one, preferably from the same bucket or no longer than itself. In
    evaluation the replacement is a filler, because it is served at its own index as well.

    Args:
        dataset: the items by index; raises `CorruptSample` for an unreadable one.
        seed: seed of the augmentation.
        transform: `DataModule.transform`.
        train: whether samples are augmented.
        buckets: ``[N]``, the bucket of each sample; None = no buckets.
        lengths: ``[N]``, lengths of the samples under a token budget; None = no budget.
        numbers: the number that replaces the ``label`` of each class; None = labels stay.
    """

    def __init__(
        self,
        dataset: Items,
        seed: int,
        transform: Transform,
        train: bool = False,
        buckets: Tensor | None = None,
        lengths: Tensor | None = None,
        numbers: Sequence[int] | None = None,
    ) -> None:
        self.dataset = dataset
        self.seed = seed
        self.transform = transform
        self.train = train
        self.buckets = buckets
        self.lengths = lengths
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: Key | int) -> Sample:
        # Lightning's overfit_batches puts a sampler of plain indices in the place of ours.
        epoch, first, real, copy = key if isinstance(key, Key) else Key(0, key)
        if first == BLANK:
            return Sample({}, False, (), {}, (first, copy))
        skipped: dict[int, str] = {}
        for index in islice(self._candidates(first), TRIES):
            generator = keyed_generator(Purpose.AUGMENTATION, self.seed, epoch, index, copy) if self.train else None
            try:
                item = self.transform(self._numbered(self.dataset[index]), generator)
            except CorruptSample as error:
                skipped[index] = str(error)
                continue
            counted = real and (self.train or not skipped)
            return Sample(item, counted, (*skipped, index), skipped, (first, copy))
        raise ValueError(f"None of {len(skipped)} samples in a row can be read; the first is {skipped[first]}")

    def _numbered(self, item: Item) -> Item:
        if self.numbers is None or "label" not in item:
            return item
        return {**item, "label": self.numbers[int(item["label"])]}

    def _candidates(self, first: int) -> Iterator[int]:
        yield first
        following = torch.cat((torch.arange(first + 1, len(self)), torch.arange(first)))
        fits = torch.ones(len(following), dtype=torch.bool)
        if self.buckets is not None:
            fits &= self.buckets[following] == self.buckets[first]
        if self.lengths is not None:
            fits &= self.lengths[following] <= self.lengths[first]
        yield from following[fits].tolist()
        yield from following[~fits].tolist()


class Batcher:
    """Collates samples into a batch.

    The batch has the fields ``"real"``, ``[B]`` bool, ``"identity"``, a list of ``(index, variation)``, and
    ``"tried"``, which `lumina.data.loader.Loader` removes.

    Args:
        collate: collates items into a batch.
    """

    def __init__(self, collate: Collate) -> None:
        self.collate = collate

    def __call__(self, samples: Sequence[Sample]) -> Item:
        """Collates samples, without blank ones."""
        samples = [sample for sample in samples if sample.item]
        batch = self.collate([sample.item for sample in samples])
        batch["real"] = torch.tensor([sample.real for sample in samples])
        batch["identity"] = [sample.identity for sample in samples]
        indices = tuple(index for sample in samples for index in sample.tried)
        skipped = {index: message for sample in samples for index, message in sample.skipped.items()}
        batch["tried"] = Tried(indices, skipped)
        return batch
