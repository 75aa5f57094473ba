"""Reading samples by `Key`: randomness keyed on (seed, epoch, index, copy), corrupt ones replaced."""

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
"""So many corrupt samples in a row mean that the data as a whole cannot be read."""


class Sample(NamedTuple):
    """An item on its way from a worker to the batch.

    Attributes:
        item: the sample's fields; none where nothing was asked for.
        real: whether it counts.
        tried: indices of the samples that were looked at; the last one is this one.
        skipped: a message for each corrupt one among them, in whose place this one stands.
        identity: what was asked for, the index of the sample and the number of its variation.
    """

    item: Item
    real: bool
    tried: tuple[int, ...]
    skipped: Mapping[int, str]
    identity: tuple[int, int]


class Tried(NamedTuple):
    """Which samples were looked at for a batch.

    Attributes:
        indices: of these samples.
        skipped: a message for each that could not be read.
    """

    indices: tuple[int, ...]
    skipped: Mapping[int, str]


class Samples(Dataset[Sample]):
    """A dataset that is asked with keys.

    A corrupt sample is replaced by the next one that can be read, of its bucket (or no longer than itself) if there is
    one. In evaluation the replacement does not count, since it is served in its own place already.

    Args:
        dataset: gives items by index; raises `CorruptSample` for one that cannot be read.
        seed: of the augmentation.
        transform: `DataModule.transform`.
        train: whether samples are varied at random.
        buckets: ``[N]``, the bucket of each sample; None = there are none.
        lengths: ``[N]``, of samples in batches of a token budget; None = there is no budget.
        numbers: that the ``label`` of an item is replaced by, for each class; None = it stays.
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
            try:
                item = self._numbered(self.dataset[index])
            except CorruptSample as error:
                skipped[index] = str(error)
                continue
            tried = (*skipped, index)
            if not self.train:
                return Sample(self.transform(item, None), real and not skipped, tried, skipped, (first, copy))
            generator = keyed_generator(Purpose.AUGMENTATION, self.seed, epoch, index, copy)
            return Sample(self.transform(item, generator), real, tried, skipped, (first, copy))
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
    """Puts samples into a batch.

    The batch has the fields ``"real"``, ``[B]`` bool, ``"identity"``, a list of ``(index, variation)``, and
    ``"tried"``, which `lumina.data.loader.Loader` takes out.

    Args:
        collate: puts items into a batch.
    """

    def __init__(self, collate: Collate) -> None:
        self.collate = collate

    def __call__(self, samples: Sequence[Sample]) -> Item:
        """Samples to the batch."""
        samples = [sample for sample in samples if sample.item]
        batch = self.collate([sample.item for sample in samples])
        batch["real"] = torch.tensor([sample.real for sample in samples])
        batch["identity"] = [sample.identity for sample in samples]
        indices = tuple(index for sample in samples for index in sample.tried)
        skipped = {index: message for sample in samples for index, message in sample.skipped.items()}
        batch["tried"] = Tried(indices, skipped)
        return batch
