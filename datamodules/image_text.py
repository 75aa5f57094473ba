"""Captioned pictures from folders, JSON, tar shards, Parquet or litdata, of one size or of many."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor

from lumina.config.locate import locate
from lumina.data.arrays import stamp
from lumina.data.batches import pick, stacked
from lumina.data.datamodule import SplitDataModule
from lumina.data.holdout import held_out, require_share
from lumina.data.sources import Parts, Source, Wanted
from lumina.interfaces import Items
from lumina.pictures.captioned import Captioned
from lumina.pictures.crops import Crops, crop_sizes
from lumina.pictures.reading import FIELDS, SUFFIXES, cover_crop, to_tensor
from lumina.values import Item, Split


class ImageText(SplitDataModule):
    """Pictures with captions.

    The form of each source is found from what is there:

    * a folder of pictures, each beside a ``.txt`` or ``.caption`` of the same name, in sub-folders too;
    * a folder of pictures with a ``metadata.jsonl``, as Hugging Face's imagefolder has it;
    * ``.json`` (a list) or ``.jsonl`` (a line each) of records such as ``{"path": "a.jpg", "prompt": "a cat"}`` or
      ``{"image": "a.jpg", "conversations": [{...}, {"value": "a cat"}]}``;
    * WebDataset's ``.tar`` shards, a file, a folder or a pattern (``shards/{000..099}.tar``, ``shards/*.tar``);
    * ``.parquet``, a file, a folder or a pattern: a column of encoded bytes, of ``{"bytes", "path"}``, or of paths;
    * a folder that ``Dataset.save_to_disk`` of Hugging Face's datasets has written;
    * a folder that litdata has optimised.

    Folders and shards may be called by their splits (`lumina.data.splits`). Where there is no validation data, a part
    of the training data is held out; where there is no test data, that of validation is taken.

    A picture is resized until it just covers its size, then cropped: at random in training, in the middle in
    evaluation; never mirrored, because of writing. Its size is that of ``lumina.pictures.crops.crop_sizes`` which cuts
    off least. A caption may be a list, of which training draws one each epoch and evaluation takes the first. An empty
    caption is kept, as an example without a condition; a picture without a text file is left out; a record without a
    caption is corrupt.

    Fields: ``image`` float32 in [-1, 1], ``[B, 3, H, W]`` where all pictures have one size, else a list of
    ``[3, H, W]``; ``caption`` and ``name``, lists of str; and ``size`` ``[B, 2]`` int64, height and width.

    Args:
        sources: files, patterns or folders.
        size: side of the square picture in pixels; other shapes have as many tokens, or nearly.
        max_aspect: the long side over the short one; 1 = squares only, the paper: 4.
        cell: pixels along a token's side (patch size times the factor of the VAE).
        nearest_sizes: a picture has one of so many best sizes, chosen by its name and always the same; the released
            code draws among 4, anew each time.
        batching: ``"mixed"`` = any sizes in a batch; ``"buckets"`` = one size in a batch, which is faster without
            variable-length attention and reads the header of every picture once, before the first step.
        image_key: name of the picture's field, in a tar the ending of its file; None = a usual one (image, path, ...).
        caption_keys: names of the captions' fields, together a pool; None = a usual one (caption, text, prompt, ...).
        root: where relative paths in records begin; None = the folder of the file that has the records.
        eval_sources: what to evaluate with; None = the validation and test data in ``sources``.
        holdout: share of the training samples held out where there is no validation data; chosen by name, whatever the
            seed.
        cache: folder for the sizes of pictures and the index of shards, which take long; None = gather each time.
        loading: of `lumina.data.datamodule.SplitDataModule`.

    Raises:
        ValueError: an argument is out of its range.
    """

    batch_keys: tuple[str, ...] = ("image", "caption", "name", "size")

    def __init__(
        self,
        sources: list[Path],
        size: int,
        max_aspect: float = 1.0,
        cell: int = 16,
        nearest_sizes: int = 1,
        batching: Literal["mixed", "buckets"] = "mixed",
        image_key: str | None = None,
        caption_keys: list[str] | None = None,
        root: Path | None = None,
        eval_sources: list[Path] | None = None,
        holdout: float = 0.05,
        cache: Path | None = Path("~/.cache/lumina"),
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.size, self.batching, self.holdout = size, batching, holdout
        self.wanted = Wanted(
            suffixes=SUFFIXES,
            media=FIELDS,
            medium=image_key,
            captions=tuple(caption_keys) if caption_keys else None,
            root=root and locate(root),
            cache=cache and locate(cache),
        )
        self.parts = Parts(sources, eval_sources, self.wanted, self.left_out)
        self.crops = Crops(crop_sizes(size, max_aspect, cell), nearest_sizes)
        self._known_crops: dict[Source, npt.NDArray[np.int64]] = {}
        require_share(holdout)

    @property
    def train_source(self) -> Source:
        """What is for training, with what is held out of it."""
        return self.parts.train

    @property
    def eval_source(self) -> Source:
        """What a test takes its samples from."""
        return self.parts.evaluation("test") or self.parts.train

    @cached_property
    def held_out(self) -> npt.NDArray[np.bool_]:
        """``[N]``, the samples of ``train_source`` that training leaves out."""
        names = [self.train_source.name(index) for index in range(len(self.train_source))]
        return held_out(names, self.holdout if self.parts.evaluation("validation") is None else 0.0)

    def prepare_data(self) -> None:
        """Gathers what takes long, on one process, for all to find in the cache."""
        self.dataset("train")
        self.dataset("validation")

    def dataset(self, split: Split) -> Items:
        """The samples of a split.

        Raises:
            ValueError: a source is not there, cannot be read, or has not the fields.
        """
        if split == "train":
            return self._captioned(self.train_source, ~self.held_out)
        source = self.parts.evaluation(split)
        if source is None:
            return self._captioned(self.train_source, self.held_out)
        return self._captioned(source, np.ones(len(source), bool))

    def _captioned(self, source: Source, chosen: npt.NDArray[np.bool_]) -> Captioned:
        sizes = self._crops_of(source) if self.batching == "buckets" else None
        indices = chosen.nonzero()[0]
        return Captioned(source, indices, self.wanted, self.crops, None if sizes is None else sizes[indices])

    def _crops_of(self, source: Source) -> npt.NDArray[np.int64]:
        if source not in self._known_crops:
            self._known_crops[source] = self.crops.of_all(source, self.wanted.cache)
        return self._known_crops[source]

    def buckets(self, dataset: Items) -> Tensor | None:
        """The size of each sample, where a batch has one size."""
        sizes = dataset.sizes if isinstance(dataset, Captioned) else None
        return None if sizes is None else torch.from_numpy(sizes)

    def bucket_name(self, bucket: int) -> str:
        """Height by width in pixels."""
        return "{}x{}".format(*self.crops.sizes[bucket])

    def stamp(self, dataset: Items) -> str | None:
        """Of the sources' files, and of which of their records it is."""
        if not isinstance(dataset, Captioned):
            return None
        return stamp(dataset.source.stamp, dataset.indices.tobytes())

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """A crop at a random position and one of the captions; without a generator the middle and the first."""
        caption = pick(item["caption"], generator)  # drawn before the crop, as runs have it
        crop = cover_crop(item["image"], item["size"].tolist(), generator)
        return {**item, "image": to_tensor(crop), "caption": caption}

    def collate(self, items: list[Item]) -> Item:
        """Stacks pictures of one size, lists others."""
        batch: Item = {name: [item[name] for item in items] for name in self.batch_keys}
        return {**batch, "image": stacked(batch["image"]), "size": torch.stack(batch["size"])}
