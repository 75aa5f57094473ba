"""The format of latents on disk, written by `lumina cache`.

``cache.json`` records how they were made and whether the cache is complete. A split is a folder of shards.
``latents-00000.safetensors`` holds the tensors of the samples under ``NUMBER.FIELD``; and the latents, with whatever
else differs between the variants of a sample, under ``NUMBER.FIELD.VARIANT``. ``latents-00000.jsonl``, written
afterwards, holds the other fields, one line per sample; those that differ between variants, such as a caption that one
of them lacks, are under ``variants``, a dictionary for each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Dataset

from lumina.files.atomic import replacing
from lumina.values import Item

SETTINGS = "cache.json"


def write_settings(root: Path, settings: Mapping[str, Any], complete: bool) -> None:
    """Writes ``cache.json``.

    Args:
        root: folder of the cache.
        settings: how the cache is made; ``settings["modality"]`` is the modality's `latent_identity`.
        complete: whether the cache is complete.
    """
    with replacing(root / SETTINGS) as file:
        file.write_text(json.dumps({**settings, "complete": complete}, indent=2) + "\n")


def read_settings(root: Path) -> dict[str, Any] | None:
    """The content of ``cache.json``; None if it does not exist.

    Raises:
        ValueError: the file is damaged.
    """
    path = root / SETTINGS
    if not path.is_file():
        return None
    try:
        return dict(json.loads(path.read_text()))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): run `lumina cache` again, to a new folder.") from error


def write_shard(
    folder: Path, number: int, variants: Sequence[Sequence[Mapping[str, Tensor]]], items: Sequence[Item]
) -> None:
    """Writes one shard of a split.

    Args:
        folder: folder of the split.
        number: number of the shard.
        variants: of each sample, each with its ``latent``, and whatever else belongs to this variant alone.
        items: the other fields of each sample: tensors and JSON values; ``variants`` is a list of JSON values that a
            variant has in their place.
    """
    tensors = {
        f"{i}.{name}.{v}": value.cpu().contiguous()
        for i, of_sample in enumerate(variants)
        for v, variant in enumerate(of_sample)
        for name, value in variant.items()
    }
    lines = []
    for i, item in enumerate(items):
        tensors |= {f"{i}.{name}": value for name, value in item.items() if isinstance(value, Tensor)}
        lines.append(json.dumps({name: value for name, value in item.items() if not isinstance(value, Tensor)}))
    with replacing(folder / f"latents-{number:05d}.safetensors") as file:
        save_file(tensors, file)
    with replacing(folder / f"latents-{number:05d}.jsonl") as file:
        file.write_text("".join(f"{line}\n" for line in lines))


def read_shard_items(folder: Path, number: int) -> list[Item] | None:
    """The fields of a shard's samples other than tensors; None if the shard is missing or incomplete."""
    path = folder / f"latents-{number:05d}.jsonl"
    return _lines(path) if has_shard(folder, number) else None


def has_shard(folder: Path, number: int) -> bool:
    """Whether both files of a shard are there."""
    path = folder / f"latents-{number:05d}.jsonl"
    return path.is_file() and path.with_suffix(".safetensors").is_file()


class CachedLatents(Dataset[Item]):
    """The samples of a split; an item has the stored fields, and `Variants`, latents with their own fields.

    Args:
        folder: folder of the split.

    Raises:
        FileNotFoundError: the folder holds no shard.
        ValueError: a shard is damaged, or all are empty.
    """

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.glob("latents-*.safetensors"))
        if not self.paths:
            raise FileNotFoundError(
                f"{folder} holds no latents; create them with `lumina cache --config ... --output {folder.parent}`."
            )
        lines = [_lines(path.with_suffix(".jsonl")) for path in self.paths]
        self.fields = [item for shard in lines for item in shard]
        if not self.fields:
            raise ValueError(
                f"{folder} holds no sample: none could be read when the cache was made. Mend the data, then cache them "
                "into another folder."
            )
        self.positions = [(shard, i) for shard, of_shard in enumerate(lines) for i in range(len(of_shard))]
        self.names = [_names(path, len(of_shard)) for path, of_shard in zip(self.paths, lines, strict=True)]

    @cached_property
    def files(self) -> list[Any]:
        """The shards, opened in the process that reads them."""
        return [_opened(path) for path in self.paths]

    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of each sample's latents, read without loading them.

        Raises:
            ValueError: the variants of a sample differ in shape.
        """
        return [self._shape(shard, number) for shard, number in self.positions]

    def _shape(self, shard: int, number: int) -> tuple[int, ...]:
        latents = [name for name in self.names[shard][number] if name.startswith(f"{number}.latent.")]
        found = {tuple(self.files[shard].get_slice(name).get_shape()) for name in latents}
        if len(found) > 1:
            raise ValueError(
                f"{self.paths[shard]} holds variants of {min(found)} and of {max(found)} of one sample, which fit no "
                "one bucket: set data.batching=mixed."
            )
        return found.pop()

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, index: int) -> Item:
        shard, number = self.positions[index]
        item: Item = dict(self.fields[index])
        values: list[Item] = item.pop("variants", [])
        variants: dict[int, dict[str, str]] = {}
        for name in self.names[shard][number]:
            _, field, *variant = name.split(".")
            if variant:
                variants.setdefault(int(variant[0]), {})[field] = name
            else:
                item[field] = self.files[shard].get_tensor(name)
        names = [variants[number] for number in sorted(variants)]
        return {**item, "variants": Variants(self.files[shard], names, values or [{}] * len(names))}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "files"}  # a worker opens its own


class Variants(Sequence[Item]):
    """The variants of a sample; each is read when it is asked for, because training takes one of them.

    Args:
        file: the open shard.
        names: of the tensors of each variant, by their fields.
        values: the other fields of each variant.
    """

    def __init__(self, file: Any, names: Sequence[Mapping[str, str]], values: Sequence[Item]) -> None:
        self.file, self.names, self.values = file, names, values

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: Any) -> Any:
        """The fields of a variant."""
        tensors = {field: self.file.get_tensor(name).float() for field, name in self.names[number].items()}
        return {**self.values[number], **tensors}


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, "pt")
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}): {_AGAIN}") from error


def _names(path: Path, count: int) -> list[list[str]]:
    """Names of each sample's tensors in a shard of ``count`` samples."""
    names: list[list[str]] = [[] for _ in range(count)]
    with _opened(path) as file:
        for name in sorted(file.keys()):
            number = int(name.split(".")[0])
            if number >= count:
                raise ValueError(f"{path} has more samples than the {count} lines of its .jsonl file: {_AGAIN}")
            names[number].append(name)
    if not all(names):
        raise ValueError(f"{path} has fewer samples than the {count} lines of its .jsonl file: {_AGAIN}")
    return names


def _lines(path: Path) -> list[Item]:
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is missing or damaged ({error}): {_AGAIN}") from error


_AGAIN = "remove the shard's two files and run the same `lumina cache` command again; it recreates missing shards."
