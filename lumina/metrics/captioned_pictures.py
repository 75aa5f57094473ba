"""Real captioned pictures as features: what generated ones are compared with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from lumina.data import DataModule, Split
from lumina.data.samples import Samples
from lumina.interfaces import Batch
from lumina.metrics.image_features import SHA256, Lite0
from lumina.pictures import to_uint8
from lumina.randomness import Purpose, keyed_generator

LIMIT = 10_000  # pictures of a split that are read
LOOKED_AT = 16  # pictures by which a split is recognised


@dataclass(frozen=True, slots=True)
class CaptionedPictures:
    """Real pictures, in an order that means nothing.

    Attributes:
        features: ``[M, 1280]``.
        captions: M of them.
    """

    features: Tensor
    captions: list[str]


def real_pictures(data: DataModule, network: Lite0, cache: Path, key: str = "caption") -> CaptionedPictures:
    """The pictures of the splits ``"train"`` and ``"test"``, each once and without augmentation, shuffled.

    Their features are kept under ``cache``, and found again by the network's input size, the number of pictures, and
    some of them.

    Raises:
        ValueError: the data yield no pictures or no captions.
    """
    parts = [_of_split(data, split, network, cache, key) for split in ("train", "test")]
    features = torch.cat([part.features for part in parts])
    captions = [caption for part in parts for caption in part.captions]
    order = torch.randperm(len(captions), generator=keyed_generator(Purpose.CHOICE))
    return CaptionedPictures(features[order], [captions[place] for place in order.tolist()])


def _of_split(data: DataModule, split: Split, network: Lite0, cache: Path, key: str) -> CaptionedPictures:
    samples = Samples(data.dataset(split), data.seed, None)
    path = cache / f"{_fingerprint(data, samples, network, key)}.npz"
    if path.is_file():
        with np.load(path) as stored:
            return CaptionedPictures(torch.from_numpy(stored["features"]), stored["captions"].tolist())
    features, captions = [], []
    for batch in _batches(data, samples, split):
        features.append(network.describe(batch["image"]).cpu())
        captions += batch[key]
    pictures = CaptionedPictures(torch.cat(features), captions)
    _save(path, pictures)
    return pictures


def _batches(data: DataModule, samples: Samples, split: Split) -> Iterator[Batch]:
    chosen = torch.randperm(len(samples), generator=keyed_generator(Purpose.CHOICE))[:LIMIT]
    for part in tqdm(chosen.split(data.eval_batch_size), f"Real pictures ({split})", unit="batch", disable=None):
        read = [samples[index] for index in part.tolist()]
        if items := [sample.item for sample in read if sample.real]:
            yield data.collate(items)


def _fingerprint(data: DataModule, samples: Samples, network: Lite0, key: str) -> str:
    found = hashlib.sha256(f"{SHA256} {network.size} {len(samples)}".encode())
    for number in range(LOOKED_AT):
        batch = data.collate([samples[number * len(samples) // LOOKED_AT].item])
        missing = {"image", key} - set(batch)
        if missing:
            raise ValueError(
                f"{type(data).__name__} yields no {' and no '.join(sorted(missing))}, which caption quality needs; "
                f"it yields: {', '.join(batch)}. Evaluate with data that have pictures and captions."
            )
        picture = to_uint8(batch["image"][0])
        found.update(repr((tuple(picture.shape), batch[key][0])).encode() + picture.numpy().tobytes())
    return found.hexdigest()[:16]


def _save(path: Path, pictures: CaptionedPictures) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial.npz")  # other processes may be at the same file
    np.savez(partial, features=pictures.features.numpy(), captions=np.array(pictures.captions))
    partial.replace(path)
