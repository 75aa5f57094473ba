"""What `lumina cache` wrote: latents instead of data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Generator, Tensor
from torch.utils.data import default_collate

from lumina.config.locate import locate
from lumina.data.batches import pick, stacked
from lumina.data.census import counted
from lumina.data.datamodule import SplitDataModule
from lumina.data.latents import CachedLatents, has_shard, read_settings
from lumina.interfaces import Items
from lumina.values import Item, Split


class Cached(SplitDataModule):
    """Latents and the other fields of a dataset, for training without its files and without the VAE.

    Fields: ``latent``, a tensor, or a list of tensors of mixed sizes; what conditioners compressed of their own fields,
    such as the latents of references; and whatever the cached datamodule yielded beside the data. Where several
    variants of a latent or several captions were stored, training draws one of them each epoch and evaluation takes the
    first. Fields with equally many values, such as a plain and a structured caption for each captioner, are drawn
    together.

    It has the attributes that the modality and the conditioners ask of their data (`Modality.data_settings`,
    `Conditioner.asks`), such as the size of pictures.

    Args:
        root: the folder that `lumina cache` wrote.
        batching: ``"mixed"`` = latents of any sizes in a batch; ``"buckets"`` = of one size in a batch.
        loading: of `lumina.data.datamodule.SplitDataModule`.

    Raises:
        FileNotFoundError: if ``root`` holds no cache.
        ValueError: if it was not finished, is damaged or lacks shards.
    """

    batch_keys: tuple[str, ...] = ("latent",)
    label_names: tuple[str, ...] = ()

    def __init__(
        self,
        root: Path,
        batching: Literal["mixed", "buckets"] = "mixed",
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.root, self.batching = locate(root), batching
        settings = read_settings(self.root)
        if settings is None:
            raise FileNotFoundError(f"{self.root} holds no latents; `lumina cache --config ... --output` makes them.")
        _check(settings, self.root)
        self.latent_identity, self.label_names = settings["modality"], tuple(settings["classes"])
        for name, value in settings["data"].items():
            if hasattr(self, name):
                raise ValueError(
                    f"{self.root} sets {name!r}, which is no setting of cached data: make the cache again."
                )
            setattr(self, name, value)
        self.shapes: list[tuple[int, ...]] = []  # of the buckets
        self.splits = {split: CachedLatents(self.root / split) for split in ("train", "validation", "test")}
        self.batch_keys = tuple(self.transform(self.splits["train"][0]))

    def dataset(self, split: Split) -> Items:
        """The cached samples of a split."""
        return self.splits[split]

    def buckets(self, dataset: Items) -> Tensor | None:
        """The size of each latent, where a batch has one size."""
        if self.batching == "mixed" or not isinstance(dataset, CachedLatents):
            return None
        shapes = dataset.shapes()
        self.shapes += sorted({*shapes} - {*self.shapes})
        numbers = {shape: number for number, shape in enumerate(self.shapes)}
        return torch.tensor([numbers[shape] for shape in shapes])

    def bucket_name(self, bucket: int) -> str:
        """The shape of the latents."""
        return "x".join(map(str, self.shapes[bucket]))

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """One of the variants, one of the captions; without a generator the first."""
        drawn: dict[int, int] = {}  # by the number of values; variants of the data are drawn apart from its texts
        one: Item = {}
        for name, value in item.items():
            if name == "variants":
                one |= pick(value, generator)
            elif not isinstance(value, list):
                one[name] = value
            else:
                if len(value) not in drawn:
                    drawn[len(value)] = pick(range(len(value)), generator)
                one[name] = value[drawn[len(value)]]
        return {"latent": one.pop("latent"), **one}

    def collate(self, items: list[Item]) -> Item:
        """Stacks tensors of one size, lists others."""
        others = [{name: value for name, value in item.items() if not isinstance(value, Tensor)} for item in items]
        tensors = [name for name, value in items[0].items() if isinstance(value, Tensor)]
        return {**default_collate(others), **{name: stacked([item[name] for item in items]) for name in tensors}}


def _check(settings: Mapping[str, Any], root: Path) -> None:
    missing = [name for name in ("complete", "modality", "classes", "data") if name not in settings]
    if missing:
        raise ValueError(
            f"{root} does not say its {missing[0]}: it is damaged or of another version; run `lumina cache` again, "
            "to a new folder."
        )
    if not settings["complete"]:
        raise ValueError(f"{root} is not finished: run the `lumina cache` that began it once more.")
    counts, size = settings.get("samples", {}), settings.get("shard_size", 1)
    shards = [(split, number) for split, count in counts.items() for number in range(-(-count // size))]
    lost = [f"{split}/latents-{number:05d}" for split, number in shards if not has_shard(root / split, number)]
    if lost:
        raise ValueError(
            f"{root} lacks {counted(len(lost), 'shard')} of {len(shards):,}, for example {lost[0]}: run the "
            "`lumina cache` that made it once more, which makes what is missing, and wait until it ends."
        )
