"""The base class of datamodules: splits, loaders, batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor
from torch.utils.data import default_collate

from lumina.data.buckets import BucketSampler
from lumina.data.budget import Budget, BudgetSampler
from lumina.data.census import Census, printable
from lumina.data.classes import numbers_among
from lumina.data.corrupt import CorruptCount
from lumina.data.loader import Loader
from lumina.data.mixture import Mixture
from lumina.data.sampler import RankSampler
from lumina.data.samples import Batcher, Samples
from lumina.data.workers import outlive_signals
from lumina.interfaces import DataModule, Items
from lumina.values import Item, Split

MOST_WORKERS = 1024


class SplitDataModule(DataModule):
    """Provides the batches of a run; a subclass defines the samples.

    Every batch has two fields in addition to ``batch_keys``. ``"real"``, ``[B]`` bool, is always True in training. In
    evaluation, False marks a filler: a repeated sample that keeps the processes in step, or the replacement of a
    corrupt sample. Metrics and predictions skip fillers, so they count every sample exactly once.

    ``"identity"`` is a list of ``(index, variation)``, one per sample: its index in the split, and the number of its
    repetition if training serves it several times per epoch. Noise is seeded with it, so the noise of a sample depends
    on neither the batch size nor the number of processes.

    Order and augmentation depend on ``seed``, the epoch and the sample, never on the number of workers. A run resumes
    exactly where it stopped, even in the middle of an epoch.

    Attributes:
        batch_keys: fields of the batches.
        latent_identity: `Modality.latent_identity` of the modality that made the latents; None = there are none.
        left_out: what was left out of each listed folder or file, by its name.
        repeats: number of times training serves each sample per epoch, augmented differently; see `RankSampler`.
            Batches of one bucket serve each sample once.

    Args:
        batch_size: samples in a training batch, on each process.
        eval_batch_size: samples in a batch of validation, test and prediction, on each process; None = batch_size.
        num_workers: loader processes for each training process; 0 loads in the training process.
        seed: seed of order and augmentation.
        max_corrupt: share of samples that may be unreadable; they are skipped and named. A significantly higher
            share ends the run.

    Raises:
        ValueError: a number is out of its range.
    """

    batch_keys: tuple[str, ...]
    latent_identity: Mapping[str, Any] | None = None
    repeats: int = 1

    def __init__(
        self,
        batch_size: int,
        eval_batch_size: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
        max_corrupt: float = 0.01,
    ) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.eval_batch_size = batch_size if eval_batch_size is None else eval_batch_size
        self.num_workers = num_workers
        self.seed = seed
        self.corrupt = CorruptCount(max_corrupt)
        self.left_out: dict[str, Census] = {}
        self._names: tuple[str, ...] | None = None
        self._label_numbers: list[int] | None = None
        if min(self.batch_size, self.eval_batch_size) < 1:
            raise ValueError(
                f"Got batch_size {batch_size} and eval_batch_size {eval_batch_size}: set both to 1 or more."
            )
        if not 0 <= num_workers <= MOST_WORKERS:
            raise ValueError(
                f"Got num_workers {num_workers}: set 0 to load in the training process, or about one for each CPU core."
            )
        if not 0 <= max_corrupt <= 1:
            raise ValueError(f"Got max_corrupt {max_corrupt}: set a share from 0 to 1, as 0.01.")

    @property
    def label_names(self) -> Sequence[str]:
        """Names of the classes, in the order in which `dataset` numbers them; empty without classes."""
        return ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Printable names of the classes, in the order in which batches number them."""
        return tuple(map(printable, self.label_names)) if self._names is None else self._names

    @property
    def num_classes(self) -> int:
        """Number of classes in batches; 0 = no classes."""
        return len(self.class_names)

    def number_by(self, names: Sequence[str]) -> None:
        """Renumbers the field ``"label"`` of all batches to match a model, by the names of the classes.

        Args:
            names: names of the model's classes, in the order of their numbers.

        Raises:
            ValueError: the data has a class that the model lacks.
        """
        self._label_numbers, self._names = numbers_among([*map(printable, self.label_names)], names), tuple(names)

    def census(self) -> Census:
        """Everything left out of the data listed so far."""
        return sum(self.left_out.values(), Census())

    def bucket_name(self, bucket: int) -> str:
        """A readable name of a bucket."""
        return f"bucket {bucket}"

    def buckets(self, dataset: Items) -> Tensor | None:
        """The bucket (a size, a duration) of each sample of a split, ``[N]`` int64; None = no buckets.

        Every batch is drawn from one bucket, the same on all processes. See `BucketSampler`.
        """
        return None

    def budget(self, dataset: Items) -> Budget | None:
        """The token budget of a batch of a split; None = batches of exactly ``batch_size`` samples.

        With a budget, ``batch_size`` is the maximum. See `BudgetSampler`. Lightning's ``overfit_batches`` ignores it.
        """
        return None

    def rates(self, dataset: Items) -> Tensor | None:
        """The share of the training epochs in which each sample is served, ``[N]`` in (0, 1]; None = in all.

        Sources are mixed by it; see `Mixture`.
        """
        return None

    def about(self, dataset: Items) -> Iterable[str]:
        """Further lines about the training data for the summary of a run; by default none."""
        return ()

    def stamp(self, dataset: Items) -> str | None:
        """A short hash that changes with the files of a split; None = the samples come from no files.

        It is the cache key of values measured once per split.
        """
        return None

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """Prepares an item for the batch, with random augmentation if ``generator`` is given; by default unchanged."""
        return item

    def collate(self, items: list[Item]) -> Item:
        """Collates items into a batch: stacks tensors and numbers, lists everything else."""
        batch: Item = default_collate(items)
        return batch

    def rank_and_world(self) -> tuple[int, int]:
        """Rank and number of the data-parallel processes."""
        # The trainer knows better than its global_rank: tensor-parallel processes share their data.
        where = self.trainer and self.trainer.distributed_sampler_kwargs
        return (where["rank"], where["num_replicas"]) if where else (0, 1)

    def loader(self, split: Split) -> Loader:
        """This process's share of a split, in batches.

        Raises:
            ValueError: the split is empty, or too small for one training batch.
        """
        dataset = self.dataset(split)
        if not len(dataset):
            raise ValueError(
                f"{type(self).__name__} has no samples in its split {split!r}: check its paths. Left out: "
                f"{self.census()}."
            )
        return self.serve(dataset, train=split == "train")

    def samples(self, split: Split) -> Samples:
        """The samples of a split, indexable one by one, prepared as for evaluation."""
        return Samples(self.dataset(split), self.seed, self.transform, numbers=self._label_numbers)

    def serve(self, dataset: Items, train: bool) -> Loader:
        """This process's share of a dataset, in batches."""
        buckets, budget = self.buckets(dataset), self.budget(dataset)
        lengths = None if budget is None else budget.lengths
        samples = Samples(dataset, self.seed, self.transform, train, buckets, lengths, self._label_numbers)
        size = self.batch_size if train else self.eval_batch_size
        return Loader(
            self.corrupt,
            "training" if train else "evaluation",
            dataset=samples,
            sampler=self._sampler(dataset, size, train, buckets, budget),
            batch_size=size,
            collate_fn=Batcher(self.collate),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            worker_init_fn=outlive_signals,
            pin_memory=torch.cuda.is_available(),
        )

    def _sampler(
        self, dataset: Items, size: int, train: bool, buckets: Tensor | None, budget: Budget | None
    ) -> RankSampler:
        rates = self.rates(dataset) if train else None
        rank, world = self.rank_and_world()
        options: dict[str, Any] = {
            "train": train,
            "seed": self.seed,
            "rank": rank,
            "world": world,
            "mixture": None if rates is None else Mixture(rates, buckets if budget is None else None, self.seed),
        }
        if budget is not None:
            return BudgetSampler(budget, size, repeats=self.repeats, **options)
        if buckets is not None:
            return BucketSampler(buckets, size, **options)
        return RankSampler(len(dataset), size, repeats=self.repeats, **options)

    def train_dataloader(self) -> Loader:
        """Batches of the split ``"train"``."""
        return self.loader("train")

    def val_dataloader(self) -> Loader:
        """Batches of the split ``"validation"``."""
        return self.loader("validation")

    def test_dataloader(self) -> Loader:
        """Batches of the split ``"test"``."""
        return self.loader("test")

    def predict_dataloader(self) -> Loader:
        """Batches of the split ``"test"``."""
        return self.loader("test")

    def __getstate__(self) -> dict[str, Any]:
        # Workers receive transform and collate, and with them this object; the trainer stays behind.
        return {**self.__dict__, "trainer": None}
