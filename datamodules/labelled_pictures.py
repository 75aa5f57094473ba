"""Pictures with labels, for recognition: from class folders, tar shards, Parquet, JSON or litdata, of any sizes."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.trainer.states import TrainerFn
from torch import Generator

from lumina.config.locate import locate
from lumina.data.arrays import stamp
from lumina.data.batches import stacked
from lumina.data.budget import Budget
from lumina.data.classes import abbreviate, warn_of_one
from lumina.data.datamodule import SplitDataModule
from lumina.data.holdout import held_out_of_each, require_share
from lumina.data.loader import Loader
from lumina.data.sources import Parts, Source, Wanted, open_sources
from lumina.data.sources.labels import OTHER, USUAL, Labels, Numbers, class_names, labels_of, numbered
from lumina.interfaces import Framing, Items
from lumina.pictures.augmentation import DeiTAugmentation, Mixing
from lumina.pictures.crops import picture_sizes
from lumina.pictures.labelled import Pictures
from lumina.pictures.reading import FIELDS, SUFFIXES, to_tensor
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Item, Split


class LabelledPictures(SplitDataModule):
    """Pictures with labels.

    The form of each source is found from what is there:

    * a folder with a folder for each class, whose sub-folders count too;
    * WebDataset's ``.tar`` shards with ``.cls`` or ``.json`` members, a file, a folder or a pattern;
    * ``.parquet``, a file, a folder or a pattern, such as Hugging Face's with columns ``image`` and ``label``;
    * ``.json`` (a list) or ``.jsonl`` (a line each) of records such as ``{"image": "a.jpg", "label": "cat"}``;
    * a folder that litdata has optimised.

    Folders and shards may be called by their splits (`lumina.data.splits`): ``train/CLASS``, ``CLASS/train``,
    ``train-00000-of-00002.parquet``. Where there is no validation data, a part of the training data is held out; where
    there is no test data, that of validation is taken.

    Labels are numbers from 0, or names, which are numbered in sorted order. Numbers whose names a Hugging Face table
    gives go by these names. With ``max_tokens`` a batch is filled up with pictures to so many tokens, at most
    ``batch_size``.

    Fields: ``image`` float32 in [-1, 1], ``[B, 3, H, W]`` where all pictures have one size, else a list of
    ``[3, H, W]``; ``label`` ``[B]`` int64; ``name``, a list of str, the paths below the source; in training with
    ``mixing`` also ``target`` ``[B, K]`` float32, the shares of the classes.

    Args:
        sources: files, patterns or folders.
        train_framing: how training sees a picture.
        eval_framing: how evaluation sees a picture.
        augmentation: varies what training sees of a picture; None = as it is.
        mixing: mixes the pictures of a training batch; None = never.
        repeats: variations of a picture in an epoch, which then has as many fewer pictures (DeiT: 3).
        patch_size: side of a token in pixels, for ``max_tokens``.
        max_tokens: tokens in a batch of each process, training or not; None = ``batch_size`` pictures.
        cost: ``"sum"`` = the tokens of the pictures, which are packed; ``"padded"`` = the longest times their number.
        eval_sources: what to evaluate with; None = the validation and test data in ``sources``.
        predict: folder of pictures without labels that prediction runs over; None = those of the test.
        classes: names of the classes to use, in the order of their numbers; None = all, sorted.
        label_key: name of the label's field; None = a usual one (label, cls, class, ...).
        image_key: name of the picture's field, in a tar the ending of its file; None = a usual one (image, path, ...).
        root: where relative paths in records begin; None = the folder of the file that has the records.
        holdout: share of each class held out of the training data where there is no validation data; chosen by name,
            whatever the seed.
        cache: folder for labels and sizes of pictures, which take long to gather; None = gather each time.
        loading: of `lumina.data.datamodule.SplitDataModule`.

    Raises:
        ValueError: an argument is out of its range, or the training framing's pictures cannot be mixed.
    """

    batch_keys: tuple[str, ...] = ("image", "label", "name")

    def __init__(
        self,
        sources: list[Path],
        train_framing: Framing,
        eval_framing: Framing,
        augmentation: DeiTAugmentation | None = None,
        mixing: Mixing | None = None,
        repeats: int = 1,
        patch_size: int = 16,
        max_tokens: int | None = None,
        cost: Literal["sum", "padded"] = "sum",
        eval_sources: list[Path] | None = None,
        predict: Path | None = None,
        classes: list[str] | None = None,
        label_key: str | None = None,
        image_key: str | None = None,
        root: Path | None = None,
        holdout: float = 0.05,
        cache: Path | None = Path("~/.cache/lumina"),
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.train_framing, self.eval_framing = train_framing, eval_framing
        self.augmentation, self.mixing, self.repeats = augmentation, mixing, repeats
        self.patch_size, self.max_tokens, self.cost = patch_size, max_tokens, cost
        self.predict, self.classes, self.holdout = predict, classes, holdout
        self.label_keys = USUAL if label_key is None else (label_key,)
        self.wanted = Wanted(
            suffixes=SUFFIXES,
            media=FIELDS,
            medium=image_key,
            captions=None if label_key is None else (label_key,),
            usual=USUAL,
            class_folders=True,
            root=root and locate(root),
            cache=cache and locate(cache),
        )
        self.parts = Parts(sources, eval_sources, self.wanted, self.left_out)
        require_share(holdout)
        if patch_size < 1:
            raise ValueError(f"Got patch_size {patch_size}: set the side of a token to 1 pixel or more.")
        if mixing is not None and (self.batch_size % 2 or max_tokens is not None or not train_framing.fixed):
            raise ValueError(
                f"Got mixing with batch_size {self.batch_size}, max_tokens {max_tokens} and "
                f"{type(train_framing).__name__}: it "
                "takes an even number of pictures of one size; change these, or leave mixing out."
            )

    @property
    def train_source(self) -> Source:
        """What is for training, with what is held out of it."""
        return self.parts.train

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Names of the classes; a label is an index into them.

        Raises:
            ValueError: one of ``classes`` is not in the training data.
        """
        names = class_names(self._train_labels)
        warn_of_one(names, self.train_source.root)
        absent = sorted(set(self.classes or ()) - set(names))
        if absent:
            raise ValueError(
                f"Got classes {abbreviate(absent)}, which no training label is: expected some of {abbreviate(names)}."
            )
        return names if self.classes is None else tuple(self.classes)

    def prepare_data(self) -> None:
        """Gathers what takes long, on one process, for all to find in the cache."""
        if self.predicts_folder:
            return
        self.budget(self.dataset("train"))
        self.budget(self.dataset("validation"))

    @property
    def predicts_folder(self) -> bool:
        """Whether the run is a prediction over ``predict``, for which the labelled data need not be there."""
        return self.predict is not None and self.trainer is not None and self.trainer.state.fn == TrainerFn.PREDICTING

    def setup(self, stage: str) -> None:
        """Prediction of pictures without labels has no field for them."""
        keys = type(self).batch_keys
        unlabelled = stage == "predict" and self.predict is not None
        self.batch_keys = ("image", "name") if unlabelled else keys

    def dataset(self, split: Split) -> Items:
        """The samples of a split.

        Raises:
            ValueError: a source is not there or cannot be read, or has labels that training does not know.
        """
        train, numbers = self.train_source, self._numbers
        if split == "train":
            return Pictures(train, (numbers != OTHER) & ~self._held_out, numbers, train=True)
        source = self.parts.evaluation(split)
        if source is None:
            return Pictures(train, self._held_out, numbers)
        numbers = self._numbered(source, self._labels(source))
        return Pictures(source, numbers != OTHER, numbers)

    def budget(self, dataset: Items) -> Budget | None:
        """Of ``max_tokens``, by the sizes that the framings make of the pictures."""
        if self.max_tokens is None or not isinstance(dataset, Pictures):
            return None
        framing = self.train_framing if dataset.train else self.eval_framing
        sizes = picture_sizes(dataset.source, self.wanted.cache)[dataset.indices]
        seen, which = np.unique(sizes, axis=0, return_inverse=True)
        tokens = [math.prod(framing.size(*size)) // self.patch_size**2 for size in seen.tolist()]
        lengths = torch.tensor(tokens)[which]
        lengths[(sizes == 1).all(1)] = lengths.max()  # unreadable ones: what stands in for them must fit too
        return Budget(lengths=lengths, max_tokens=self.max_tokens, cost=self.cost)

    def stamp(self, dataset: Items) -> str | None:
        """Of the sources' files, and of which of their records it is."""
        if not isinstance(dataset, Pictures):
            return None
        return stamp(dataset.source.stamp, dataset.indices.tobytes())

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """What training sees of a picture; without a generator what evaluation sees."""
        if generator is None:
            return {**item, "image": to_tensor(self.eval_framing.apply(item["image"]))}
        image = self.train_framing.apply(item["image"], generator)
        varied = to_tensor(image) if self.augmentation is None else self.augmentation.apply(image, generator)
        return {**item, "image": varied}

    def collate(self, items: list[Item]) -> Item:
        """Stacks pictures of one size, lists others."""
        batch: Item = {name: [item[name] for item in items] for name in items[0]}
        batch["image"] = stacked(batch["image"])
        if "label" in batch:
            batch["label"] = torch.tensor(batch["label"])
        return batch

    def predict_dataloader(self) -> Loader:
        """Batches of the folder ``predict``, or else of the split ``"test"``."""
        if self.predict is None:
            return self.loader("test")
        unlabelled = replace(self.wanted, class_folders=False, captions=None, usual=())
        source = open_sources([self.predict], unlabelled)
        self.left_out["prediction"] = source.census
        return self.serve(Pictures(source, np.ones(len(source), bool)), train=False)

    def on_after_batch_transfer(self, batch: Item, dataloader_idx: int) -> Item:
        """Mixes a training batch, in the process that trains; keyed on (seed, step, rank)."""
        if self.mixing is None or self.trainer is None or not self.trainer.training:
            return batch
        step = self.trainer.fit_loop.epoch_loop.batch_progress.total.ready
        generator = keyed_generator(Purpose.MIXING, self.seed, step, self.rank_and_world()[0])
        image, target = self.mixing.apply(batch["image"], batch["label"], self.num_classes, generator)
        return {**batch, "image": image, "target": target}

    @cached_property
    def _train_labels(self) -> Labels:
        return self._labels(self.train_source)

    @cached_property
    def _numbers(self) -> Numbers:
        return self._numbered(self.train_source, self._train_labels)

    @cached_property
    def _held_out(self) -> npt.NDArray[np.bool_]:
        """``[N]``, the training pictures that are held out: a share of each class."""
        out = np.zeros(len(self._numbers), bool)
        if self.parts.evaluation("validation") is None:
            (members,) = np.nonzero(self._numbers >= 0)
            names = [self.train_source.name(index) for index in members.tolist()]
            out[members] = held_out_of_each(names, self._numbers[members], self.holdout)
        return out

    def _labels(self, source: Source) -> Labels:
        return labels_of(source, self.label_keys, self.wanted.cache)

    def _numbered(self, source: Source, labels: Labels) -> Numbers:
        numbers = numbered(labels, self.label_names)
        foreign = np.unique(labels[numbers == OTHER]).tolist()
        if foreign and self.classes is None:
            raise ValueError(
                f"{source.root} has labels that the training data has not: {abbreviate(foreign)}; remove these "
                "pictures, or add some to the training data."
            )
        return numbers
