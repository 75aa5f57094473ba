"""The real samples with which generated ones are compared, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from tqdm.auto import tqdm

from lumina.interfaces import DataModule
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Batch, Split


def real_batches(data: DataModule, split: Split, limit: int, title: str) -> Iterator[Batch]:
    """Samples of a split in random order, each once and without augmentation; corrupt ones are left out.

    Args:
        data: the datamodule.
        split: the split.
        limit: greatest number of samples.
        title: of the progress bar.
    """
    samples = data.samples(split)
    chosen = torch.randperm(len(samples), generator=keyed_generator(Purpose.CHOICE))[:limit]
    for part in tqdm(chosen.split(data.eval_batch_size), f"{title} ({split})", unit="batch", disable=None):
        read = [samples[index] for index in part.tolist()]
        if items := [sample.item for sample in read if sample.real]:
            yield data.collate(items)


def require_fields(data: DataModule, split: Split, fields: Sequence[str], needed_by: str, advice: str) -> None:
    """Refuses data whose batches lack a field.

    Args:
        data: the datamodule.
        split: the split.
        fields: the needed ones.
        needed_by: what needs them, for the message.
        advice: what to do, for the message.

    Raises:
        ValueError: names the missing fields and those that exist.
    """
    batch = data.collate([data.samples(split)[0].item])
    missing = sorted(set(fields) - set(batch))
    if missing:
        raise ValueError(
            f"{type(data).__name__} yields no {' and no '.join(missing)}, which {needed_by} needs; "
            f"it yields: {', '.join(batch)}. {advice}"
        )
