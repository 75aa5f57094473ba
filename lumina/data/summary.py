"""A short summary of the data of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from lumina.data.buckets import BucketSampler
from lumina.data.budget import BudgetSampler
from lumina.data.datamodule import SplitDataModule
from lumina.data.loader import Loader
from lumina.data.sampler import RankSampler

ROWS = 8
"""Number of largest buckets that are listed individually."""


def summary(
    data: SplitDataModule, training: Loader, evaluation: Loader | None, batches: float, accumulated: int, max_steps: int
) -> str:
    """Lists samples, left-out entries, classes, sizes and the length of an epoch.

    Args:
        data: the datamodule.
        training: its training loader.
        evaluation: its validation loader; None = no validation.
        batches: batches of one process per epoch.
        accumulated: batches per optimizer step.
        max_steps: optimizer steps of the run; less than 0 = no limit.
    """
    held_out = "" if evaluation is None else f", validation {len(evaluation.samples):,}"
    rows = [("samples", f"training {len(training.samples):,}{held_out}")]
    rows += [("", line) for line in data.about(training.samples.dataset)]
    rows += [("left out", line) for line in data.census().lines()]
    if data.class_names:
        rows.append(("classes", f"{len(data.class_names)}: {_some(data.class_names)}"))
    rows += [("batches", line) for line in _contents(data, training)]
    rows.append(("epoch", _epoch(batches, accumulated, max_steps)))
    lines = [(name if not row or rows[row - 1][0] != name else "", text) for row, (name, text) in enumerate(rows)]
    return "\n".join(f"  {name:<10}{text}" for name, text in lines)


def _contents(data: SplitDataModule, training: Loader) -> Iterator[str]:
    """Describes the batches: number of samples, buckets or tokens."""
    sampler = training.sampler
    if isinstance(sampler, RankSampler) and sampler.mixture is not None:
        yield f"an epoch has {sampler.size:,} of {sampler.total:,} samples, others in turn"
    if isinstance(sampler, BucketSampler):
        yield f"{data.batch_size} samples of one size"
        yield from _buckets(data, sampler)
    elif isinstance(sampler, BudgetSampler):
        yield _tokens(sampler.budget.lengths, sampler)
    else:
        yield f"{training.batch_size} samples"


def _buckets(data: SplitDataModule, sampler: BucketSampler) -> Iterator[str]:
    order = sampler.counts.argsort(descending=True, stable=True).tolist()
    filled = [bucket for bucket in order if sampler.counts[bucket]]
    for bucket in filled[:ROWS]:
        count = int(sampler.counts[bucket])
        yield f"{data.bucket_name(bucket)}: {count:,} samples, {count // sampler.step:,} steps"
    if rest := filled[ROWS:]:
        yield f"{len(rest)} other sizes: {int(sampler.counts[rest].sum()):,} samples"


def _tokens(lengths: Tensor, sampler: BudgetSampler) -> str:
    least, median, most = (int(value) for value in (lengths.min(), lengths.median(), lengths.max()))
    mean = sampler.size / max(1, sampler.steps * sampler.num_replicas)
    return (
        f"up to {sampler.budget.max_tokens:,} tokens, on average about {mean:.1f} samples, which have {least:,} to "
        f"{most:,} tokens each, half of them at most {median:,}"
    )


def _epoch(batches: float, accumulated: int, max_steps: int) -> str:
    if not math.isfinite(batches):
        return "endless"
    steps = max(1, math.ceil(batches / accumulated))
    text = f"{int(batches):,} batches on each process, {steps:,} optimizer steps"
    return text if max_steps < 0 else f"{text}; max_steps {max_steps:,} are {max_steps / steps:.1f} epochs"


def _some(names: tuple[str, ...], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")
