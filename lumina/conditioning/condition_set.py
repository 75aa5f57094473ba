"""Combines all conditioners of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from lumina.conditioning.prefixes import drop, merge
from lumina.interfaces import Conditioner
from lumina.randomness import Randomness, uniform
from lumina.values import Batch, Conditioning


class ConditionerSet(nn.ModuleList):
    """Runs each `Conditioner` on its field of the batch and merges the outputs by route.

    Args:
        conditioners: any number of them, possibly none.
        width: of the backbone's condition vector.

    Raises:
        ValueError: a dropout is not a probability.
    """

    def __init__(self, conditioners: Sequence[Conditioner], width: int) -> None:
        for conditioner in conditioners:
            if not 0 <= conditioner.dropout <= 1:
                raise ValueError(
                    f"{type(conditioner).__name__}: dropout={conditioner.dropout} must be a probability, from 0 to 1."
                )
        super().__init__(conditioners)
        for conditioner in conditioners:
            conditioner.build(width)

    def __iter__(self) -> Iterator[Conditioner]:
        return (cast(Conditioner, conditioner) for conditioner in super().__iter__())

    @property
    def batch_keys(self) -> tuple[str, ...]:
        """The fields of the batch that the conditioners use."""
        return tuple(conditioner.key for conditioner in self)

    def train_conditions(self, batch: Batch, count: int, generator: Randomness) -> Conditioning:
        """Conditions of ``count`` samples; each condition is dropped with its conditioner's probability."""
        if not len(self):
            return Conditioning()
        draws = uniform(generator, count, len(self)).unbind(1)
        return self._merge(batch, [draw >= conditioner.dropout for draw, conditioner in zip(draws, self, strict=True)])

    def conditions(
        self, batch: Batch, count: int, device: torch.device, keep: bool | Mapping[str, Sequence[bool]] = True
    ) -> Conditioning:
        """Conditions of ``count`` samples.

        Args:
            batch: contains the fields.
            count: B.
            device: of the conditions.
            keep: False = the null conditions; a mapping gives one flag per sample for each field.
        """
        if isinstance(keep, bool):
            return self._merge(batch, [torch.full((count,), keep, device=device)] * len(self))
        return self._merge(batch, [torch.tensor(keep[key], device=device) for key in self.batch_keys])

    def words(self, batch: Batch) -> list[str]:
        """A readable description of each sample's conditions; empty if no conditioner has one."""
        described = [words for conditioner in self if (words := conditioner.words(batch[conditioner.key]))]
        return [", ".join(parts) for parts in zip(*described, strict=True)]

    def _merge(self, batch: Batch, keeps: Sequence[Tensor]) -> Conditioning:
        parts = [conditioner(batch[conditioner.key], keep) for conditioner, keep in zip(self, keeps, strict=True)]
        cross = [part for part in parts if part.cross is not None]
        return Conditioning(
            cross=torch.cat([part.cross for part in cross], 1) if cross else None,
            cross_mask=torch.cat([_real(part) for part in cross], 1)
            if any(p.cross_mask is not None for p in cross)
            else None,
            pooled=_sum([part.pooled for part in parts]),
            grouped=_sum([part.grouped for part in parts]),
            prefix=merge([drop(p.prefix, keep) for p, keep in zip(parts, keeps, strict=True) if p.prefix is not None]),
        )


def _real(part: Conditioning) -> Tensor:
    if part.cross_mask is not None:
        return part.cross_mask
    assert part.cross is not None
    return torch.ones(part.cross.shape[:2], dtype=torch.bool, device=part.cross.device)


def _sum(values: Sequence[Tensor | None]) -> Tensor | None:
    present = [value for value in values if value is not None]
    return torch.stack(present).sum(0) if present else None
