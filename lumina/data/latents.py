"""Latents on disk: what `lumina cache` writes and `datamodules.cached` reads.

A split is a folder of shards. ``latents-00000.safetensors`` holds the tensors of its samples, each under
``NUMBER.FIELD``, the latent's variants under ``NUMBER.latent.VARIANT``; ``latents-00000.jsonl`` holds the other fields,
a line a sample.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Dataset

from lumina.data.samples import Item


def write_shard(folder: Path, number: int, latents: Sequence[Sequence[Tensor]], items: Sequence[Item]) -> None:
    """Writes one shard of a split.

    Args:
        folder: of the split.
        number: of the shard.
        latents: of each sample, its variants.
        items: of each sample, the other fields: tensors, and what JSON can hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{i}.latent.{v}": x.cpu().contiguous() for i, variants in enumerate(latents) for v, x in enumerate(variants)
    }
    lines = []
    for i, item in enumerate(items):
        tensors |= {f"{i}.{name}": value for name, value in item.items() if isinstance(value, Tensor)}
        lines.append(json.dumps({name: value for name, value in item.items() if not isinstance(value, Tensor)}))
    save_file(tensors, folder / f"latents-{number:05d}.safetensors")
    (folder / f"latents-{number:05d}.jsonl").write_text("\n".join(lines) + "\n")


class CachedLatents(Dataset[Item]):
    """The samples of a split; an item has ``variants``, a list of latents, beside the fields that were stored."""

    def __init__(self, folder: Path) -> None:
        """Reads the lines, not yet the tensors.

        Args:
            folder: of the split.

        Raises:
            FileNotFoundError: if it holds no shard.
        """
        self.paths = sorted(folder.glob("latents-*.safetensors"))
        if not self.paths:
            raise FileNotFoundError(
                f"{folder} holds no latents; `lumina cache --config ... --output {folder.parent}` makes them."
            )
        lines = [path.with_suffix(".jsonl").read_text().splitlines() for path in self.paths]
        self.fields = [json.loads(line) for shard in lines for line in shard]
        self.places = [(shard, i) for shard, of_shard in enumerate(lines) for i in range(len(of_shard))]

    @cached_property
    def files(self) -> list[Any]:
        """The shards, opened in the process that reads them."""
        return [safe_open(path, "pt") for path in self.paths]

    @cached_property
    def names(self) -> list[dict[int, list[str]]]:
        """Of each shard the names of each sample's tensors."""
        names: list[dict[int, list[str]]] = [{} for _ in self.files]
        for shard, file in zip(names, self.files, strict=True):
            for name in sorted(file.keys()):
                shard.setdefault(int(name.split(".")[0]), []).append(name)
        return names

    def shapes(self) -> list[tuple[int, ...]]:
        """Of each sample the shape of its first latent, read without the latent."""
        return [tuple(self.files[shard].get_slice(f"{number}.latent.0").get_shape()) for shard, number in self.places]

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, index: int) -> Item:
        shard, number = self.places[index]
        item: Item = {**self.fields[index], "variants": []}
        for name in self.names[shard][number]:
            field = name.split(".")[1]
            tensor = self.files[shard].get_tensor(name)
            if field == "latent":
                item["variants"].append(tensor.float())
            else:
                item[field] = tensor
        return item

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "files"}  # a worker opens its own
