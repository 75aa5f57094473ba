"""Small operations on batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor

from lumina.interfaces import DataModule
from lumina.values import Batch, Split

T = TypeVar("T")


def take(data: DataModule, split: Split, indices: Iterable[int]) -> dict[str, Any]:
    """Collates the items of a split at ``indices`` into one batch."""
    samples = data.samples(split)
    return data.collate([samples[index].item for index in indices])


def pick(values: Sequence[T], generator: Generator | None) -> T:
    """A random element of ``values``; the first one if ``generator`` is None."""
    return values[0 if generator is None else int(torch.randint(len(values), (), generator=generator))]


def stacked(values: list[Tensor]) -> Tensor | list[Tensor]:
    """Stacks values of equal shape to ``[B, ...]``; returns the list unchanged if shapes differ."""
    return torch.stack(values) if len({value.shape for value in values}) == 1 else values


def move(value: Any, device: torch.device) -> Any:
    """Moves all tensors of a nested value to ``device``."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: move(item, device) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [move(item, device) for item in value]
    return value


def without_fillers(batch: Batch) -> tuple[Batch, bool]:
    """Removes fillers from a batch, and says whether real samples remain.

    A batch of fillers only is returned unchanged: every process has to process every batch to stay in step.
    """
    real = batch.get("real")
    if real is None or real.all():
        return batch, True
    return (select(batch, real), True) if real.any() else (batch, False)


def select(value: Any, keep: Tensor) -> Any:
    """Selects the samples where ``keep [B]`` is True from a tensor, a list, or a mapping of these."""
    if isinstance(value, Tensor):
        return value[keep.to(value.device)]
    if isinstance(value, Mapping):
        return {key: select(item, keep) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [item for item, selected in zip(value, keep.tolist(), strict=True) if selected]
    return value


def rows(batch: Batch, indices: Iterable[int]) -> list[dict[str, Any]]:
    """The fields of single samples, on the CPU."""
    return [{key: move(value[index], torch.device("cpu")) for key, value in batch.items()} for index in indices]


def of_rows(rows: Sequence[Batch]) -> dict[str, list[Any]]:
    """A batch of samples with the same fields, which are not stacked."""
    return {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}


def finite_samples(samples: Any) -> Tensor:
    """``[B]`` bool on the CPU: True for samples (tensors or dataclasses of tensors) without NaN or infinity."""
    if isinstance(samples, Tensor):
        return samples.isfinite().flatten(1).all(1).cpu()
    return torch.tensor([_is_finite(sample) for sample in samples], dtype=torch.bool)


def _is_finite(value: Any) -> bool:
    if isinstance(value, Tensor):
        return bool(value.isfinite().all())
    return not is_dataclass(value) or all(_is_finite(getattr(value, field.name)) for field in fields(value))
