"""``lumina cache``: computes the latents and text features of an experiment's data once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from inspect import signature
from pathlib import Path
from typing import Any, get_args

import torch
from jsonargparse import Namespace
from torch import Tensor
from tqdm import tqdm

from lumina.checks import require_fields
from lumina.commands.train import LuminaCLI, build_as
from lumina.config.device import choose_device
from lumina.config.experiments import find_experiments
from lumina.config.locate import locate
from lumina.config.parser import parse_function
from lumina.data.arrays import file_stamp, stamp
from lumina.data.batches import move
from lumina.data.census import counted
from lumina.data.datamodule import SplitDataModule
from lumina.data.latents import SETTINGS, read_settings, read_shard_items, write_settings, write_shard
from lumina.errors import CorruptSample
from lumina.files.atomic import one_at_a_time
from lumina.files.folders import require_free
from lumina.frozen.text_cache import holds_texts, write_text_shard
from lumina.frozen.text_encoders import Precision
from lumina.interfaces import Conditioner, Modality, TextEncoder
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Batch, Item, Split

BATCH = 32  # captions per batch


class Parts(LuminaCLI):
    """Builds the modality, conditioners and data of an experiment, but neither its network nor its trainer."""

    modality: Modality
    conditioners: list[Conditioner]
    encoders: list[tuple[str, TextEncoder]]  # each with the field that it reads
    samples_from: dict[str, Any]  # the data's settings that decide its samples
    given: list[Path]  # files among them: lists of captions, say

    def instantiate_classes(self) -> None:
        """Instantiates only these parts."""
        if self.subclass_mode_model:
            raise ValueError(f"model is a {self.config.model.class_path}, which has no modality to compress the data.")
        wanted = Namespace()
        for key in ("model.modality", "model.conditioners", "data"):
            wanted[key] = self.config[key]
        built = self.parser.instantiate(wanted, instantiate_groups=False)
        self.modality, self.datamodule = built.model.modality, built.data
        self.samples_from = json.loads(json.dumps(self.config.data.as_dict(), default=str))
        for name in ("batch_size", "eval_batch_size", "num_workers", "max_corrupt"):
            self.samples_from.get("init_args", {}).pop(name, None)
        paths = [value for value in self.config.data.get("init_args", {}).values() if isinstance(value, Path)]
        self.given = [file for file in map(locate, paths) if file.is_file()]
        self.conditioners = list(built.model.conditioners or ())
        parts = [(part.key, part.cacheable()) for part in self.conditioners]
        self.encoders = [(key, encoder) for key, encoder in parts if encoder is not None]
        for conditioner in self.conditioners:
            if conditioner.latent_key is not None:
                conditioner.connect(self.modality)


def main(arguments: list[str]) -> None:
    """Takes its own options; all others describe the experiment, as for `lumina fit`."""
    names = {f"--{name}" for name in signature(cache).parameters} - {"--experiment"}
    own: list[str] = []
    experiment: list[str] = []
    chosen = False
    for word in arguments:
        if word.startswith("-"):
            chosen = word.split("=")[0] in names or word in ("-h", "--help")
        (own if chosen else experiment).append(word)
    cache(find_experiments(experiment), **parse_function(cache, "lumina cache", own, skip=["experiment"]))


@torch.no_grad()
def cache(
    experiment: list[str],
    output: Path,
    variants: int = 1,
    shard_size: int = 1024,
    batch_size: int = 16,
    dtype: Precision = "float16",
    device: str = "auto",
) -> None:
    """Writes the latents of every split, those of conditions too, and the text features of every caption.

    Train on them with ``datamodules.cached.Cached(root=OUTPUT)`` and, on each text encoder, ``cache: OUTPUT/text``.

    Args:
        experiment: options of `lumina fit` that describe it, such as ``--config FILE``.
        output: folder to write to.
        variants: how often to store each training sample, each time with other random crops, flips or views.
        shard_size: samples per file.
        batch_size: samples per batch.
        dtype: of the stored latents and features.
        device: auto (a GPU if there is one), cpu, cuda, cuda:1, ...

    Raises:
        ValueError: the data lacks a field, or the folder contains a cache with other settings or of files that have
            changed since.
    """
    parts = build_as(Parts, experiment)
    modality, data, chosen = parts.modality.eval(), parts.datamodule, choose_device(device)
    modality.to(chosen)
    needed = dict.fromkeys([*modality.batch_keys, *(conditioner.key for conditioner in parts.conditioners)])
    require_fields(needed, data.batch_keys, type(data).__name__)
    datasets = {split: data.dataset(split) for split in get_args(Split)}
    samples = {split: len(dataset) for split, dataset in datasets.items()}
    print("".join(f"left out: {line}\n" for line in data.census().lines()), end="")
    encoders = _by_identity(parts.encoders)
    settings = {
        "modality": dict(modality.latent_identity),
        "data": {**modality.data_settings, **_asked(parts.conditioners, data)},
        "samples_from": parts.samples_from,
        "classes": list(data.class_names),
        "variants": variants,
        "shard_size": shard_size,
        "dtype": dtype,
        "samples": samples,
        "files": stamp([data.stamp(dataset) for dataset in datasets.values()], file_stamp(parts.given)),
    }
    _begin(output, settings)
    if samples["train"]:
        print("".join(f"{line}\n" for line in data.about(datasets["train"])), end="")
    texts: dict[str, dict[str, None]] = {key: {} for key, _ in parts.encoders}
    for split in get_args(Split):
        count = variants if split == "train" else 1
        writer = _SplitWriter(modality, parts.conditioners, data, split, count, getattr(torch, dtype), chosen)
        writer.write(output / split, shard_size, batch_size)
        for key, known in texts.items():
            known |= dict.fromkeys(text for item in writer.items for text in _texts(item, key))
        left_out = samples[split] - len(writer.items)
        print(f"{split}: {counted(len(writer.items), 'sample')}" + (f", {left_out:,} left out" if left_out else ""))
        print("".join(f"  skipped {name}\n" for name in writer.skipped), end="")
    for encoder, keys in encoders:
        own = list(dict.fromkeys(["", *(text for key in keys for text in texts[key])]))
        _cache_text(encoder, own, output / "text", shard_size, getattr(torch, dtype), chosen)
        print(f"{counted(len(own), 'text')} of {' and '.join(keys)} in {output / 'text'}")
    write_settings(output, settings, complete=True)


def _by_identity(encoders: Sequence[tuple[str, TextEncoder]]) -> list[tuple[TextEncoder, list[str]]]:
    """Encoders that differ, each with the fields that it reads.

    Raises:
        ValueError: the features of an encoder cannot be kept.
    """
    found: list[tuple[TextEncoder, list[str]]] = []
    for key, encoder in encoders:
        if encoder.identity is None:
            raise ValueError(
                f"text features of a {type(encoder).__name__} cannot be cached, as it does not say what decides them "
                "(its property identity): give it that, or cache without its conditioner."
            )
        keys = next((keys for known, keys in found if known.identity == encoder.identity), None)
        if keys is None:
            found.append((encoder, [key]))
        elif key not in keys:
            keys.append(key)
    return found


def _asked(conditioners: Sequence[Conditioner], data: SplitDataModule) -> dict[str, Any]:
    """What conditioners ask of their data."""
    names = dict.fromkeys(name for conditioner in conditioners for name in conditioner.asks)
    return {name: getattr(data, name) for name in names if hasattr(data, name)}


def _begin(output: Path, settings: dict[str, Any]) -> None:
    """Starts a cache, or continues one that was interrupted or has lost shards."""
    with one_at_a_time(output / SETTINGS):
        earlier = read_settings(output)
        if earlier is None:
            require_free(output)
            write_settings(output, settings, complete=False)
            return
    state = "makes what is missing of" if earlier.pop("complete") else "goes on with the unfinished"
    now = json.loads(json.dumps(settings))
    other = [name for name in now if earlier.get(name) != now[name]]
    if "files" in other and "samples_from" not in other:
        raise ValueError(
            f"the files of the data are not those that {output} was begun with (names, sizes, dates), and old samples "
            "would mix with new ones; remove it, or choose another --output."
        )
    if other:
        changes = "; ".join(change for name in other if name != "files" for change in _changes(name, earlier, now))
        raise ValueError(
            f"{output} was begun with other settings ({changes}); set them as before, remove it, or choose another "
            "--output."
        )
    print(f"{state} {output}")


def _changes(name: str, earlier: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """The entries that differ below a setting, each with its old and its new value."""
    old, new = earlier.get(name), now.get(name)
    if isinstance(old, dict) and isinstance(new, dict):
        for inner in dict.fromkeys([*old, *new]):
            yield from _changes(inner, old, new, f"{within}{name}.")
    elif old != new:
        yield f"{within}{name} {old}, now {new}"


class _SplitWriter:
    """Compresses one split and collects the other fields of its items."""

    def __init__(
        self,
        modality: Modality,
        conditioners: Sequence[Conditioner],
        data: SplitDataModule,
        split: Split,
        variants: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.modality, self.conditioners, self.data = modality, conditioners, data
        self.variants, self.dtype, self.device = variants, dtype, device
        self.augmented, self.split = split == "train", split
        self.dataset = data.dataset(split)
        self.items: list[Item] = []
        self.varied: Set[str] = frozenset()  # fields that only `transform` makes
        self.skipped: list[str] = []

    def write(self, folder: Path, shard_size: int, batch_size: int) -> None:
        """Writes one shard at a time; shards that an earlier run finished are kept."""
        order = range(len(self.dataset))
        progress = tqdm(total=len(order), desc=self.split)
        for number, start in enumerate(order[::shard_size]):
            shard = order[start : start + shard_size]
            items = read_shard_items(folder, number)
            if items is None:
                items = self._shard(folder, number, shard, batch_size, progress)
            else:
                progress.update(len(shard))
            self.items += items

    def _shard(self, folder: Path, number: int, shard: range, batch_size: int, progress: tqdm[Any]) -> list[Item]:
        variants: list[list[dict[str, Tensor]]] = []
        items: list[Item] = []
        for first in shard[::batch_size]:
            indices = range(first, min(first + batch_size, shard.stop))
            read = self._read(indices)
            for (item, _), compressed in zip(read, self._compress([varied for _, varied in read]), strict=True):
                if all(bool(value.isfinite().all()) for variant in compressed for value in variant.values()):
                    variants.append(compressed)
                    items.append(item)
                else:
                    name = item.get("name", f"a sample of shard {number}")
                    self.skipped.append(f"{name}: its latent is NaN or infinite in {self.dtype}")
            progress.update(len(indices))
        write_shard(folder, number, variants, items)  # without samples too, so that no shard is missing
        return items

    def _read(self, indices: range) -> list[tuple[Item, list[Item]]]:
        """The other fields of each readable item, and its variants."""
        read: list[tuple[Item, list[Item]]] = []
        for index in indices:
            try:
                item = self.dataset[index]
                varied = [self._variant(index, item, v) for v in range(self.variants)]
                self.varied = varied[0].keys() - item.keys()
                read.append((self._fields(item, varied), varied))
            except CorruptSample as error:
                self.skipped.append(str(error))
        return read

    def _compress(self, items: list[list[Item]]) -> list[list[dict[str, Tensor]]]:
        """The latents of each item and what else belongs to a variant, one dictionary per variant."""
        batches = [move(self.data.collate(list(part)), self.device) for part in zip(*items, strict=True)]
        compressed = [self._fields_of(batch) for batch in batches]
        return [
            [{name: values[sample] for name, values in fields.items()} for fields in compressed]
            for sample in range(len(items))
        ]

    def _fields_of(self, batch: Batch) -> dict[str, list[Tensor]]:
        """What a variant of each sample of a batch has: latents, and what only `transform` made beside them."""
        latents = {"latent": self.modality.compress(batch)}
        kept = [*self.modality.kept_keys]
        for conditioner in self.conditioners:
            if conditioner.latent_key is None:
                kept.append(conditioner.key)
            else:
                latents[conditioner.latent_key] = conditioner.compress(batch[conditioner.key])
        fields = {name: list(batch[name]) for name in kept if name in self.varied}
        return fields | {name: [latent.to(self.dtype) for latent in values] for name, values in latents.items()}

    def _variant(self, index: int, item: Item, variant: int) -> Item:
        varied = keyed_generator(Purpose.AUGMENTATION, self.data.seed, variant, index) if self.augmented else None
        return self.data.transform(item, varied)

    def _fields(self, item: Item, varied: list[Item]) -> Item:
        """The fields kept beside the latents, of those that `transform` shows; training draws from a list later."""
        kept = varied[0].keys() - {*self.modality.batch_keys}
        fields = {name: value for name, value in item.items() if name in kept}
        single = [name for name, value in fields.items() if not isinstance(value, (Tensor, list))]
        values = [{name: variant[name] for name in single} for variant in varied]
        differ = [name for name in single if any(value[name] != fields[name] for value in values)]
        if differ:
            fields["variants"] = [{name: value[name] for name in differ} for value in values]
        return fields


def _cache_text(
    encoder: TextEncoder,
    captions: Sequence[str],
    folder: Path,
    shard_size: int,
    dtype: torch.dtype,
    device: torch.device,
) -> None:
    """Writes the features of all captions; shards that an earlier run finished are kept."""
    for number, start in enumerate(range(0, len(captions), shard_size)):
        shard = captions[start : start + shard_size]
        if holds_texts(folder, number, encoder.identity or {}, shard):
            continue
        features: dict[str, Tensor] = {}
        for first in tqdm(range(0, len(shard), BATCH), desc="captions"):
            part = shard[first : first + BATCH]
            features |= zip(part, encoder.encode(part, device), strict=True)
        write_text_shard(folder, number, encoder.identity or {}, features, dtype)


def _texts(item: Item, key: str) -> list[str]:
    """All that a text encoder may be given of a kept item."""
    value = item[key]
    own = [value] if isinstance(value, str) else value
    return [*own, *(variant[key] for variant in item.get("variants", ()) if key in variant)]
