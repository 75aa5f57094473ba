"""Combines all conditioners of a model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from lumina.conditioning.prefixes import drop, kept_of, merge
from lumina.interfaces import Conditioner
from lumina.randomness import Randomness, uniform
from lumina.values import Batch, Conditioning, Prefix, known_lengths, on_device, real


class ConditionerSet(nn.ModuleList):
    """Runs each `Conditioner` on its field of the batch and merges the outputs by route.

    Args:
        conditioners: any number of them, possibly none.
        width: of the backbone's condition vector.

    Raises:
        ValueError: a dropout is not a probability, or not 0 though the condition describes the canvas.
    """

    def __init__(self, conditioners: Sequence[Conditioner], width: int) -> None:
        for conditioner in conditioners:
            if not 0 <= conditioner.dropout <= 1:
                raise ValueError(
                    f"{type(conditioner).__name__}: dropout={conditioner.dropout} must be a probability, from 0 to 1."
                )
            if conditioner.of_canvas and conditioner.dropout:
                raise ValueError(
                    f"{type(conditioner).__name__} describes the canvas and cannot be left out: set its dropout to 0."
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

    def fields(self, present: Collection[str]) -> tuple[str, ...]:
        """The fields that the conditioners read where ``present`` are there: compressed ones rather than others."""
        return tuple(c.latent_key if c.latent_key and c.latent_key in present else c.key for c in self)

    def train_conditions(self, batch: Batch, count: int, generator: Randomness) -> Conditioning:
        """Conditions of ``count`` samples; each condition is dropped with its conditioner's probability."""
        if not len(self):
            return Conditioning()
        draws, of_group = uniform(generator, count, len(self)).unbind(1), dict[str, Tensor]()
        keeps = [
            (draw if c.drop_group is None else of_group.setdefault(c.drop_group, draw)) >= c.dropout
            for draw, c in zip(draws, self, strict=True)
        ]
        parts = [conditioner(_value(conditioner, batch), keep) for conditioner, keep in zip(self, keeps, strict=True)]
        prefixes = [
            drop(part.prefix, keep) if conditioner.dropout else part.prefix
            for part, keep, conditioner in zip(parts, keeps, self, strict=True)
            if part.prefix is not None
        ]
        return _merge(parts, prefixes)

    def conditions(
        self, batch: Batch, count: int, device: torch.device, keep: bool | Mapping[str, Sequence[bool]] = True
    ) -> Conditioning:
        """Conditions of ``count`` samples.

        Args:
            batch: contains the fields.
            count: B.
            device: of the conditions.
            keep: False = the null conditions; a mapping gives one flag per sample for each field. A condition that
                describes the canvas stays in any case.

        Returns:
            Conditions that can be told apart by the names of their wishes.
        """
        keeps = [
            [True] * count if c.of_canvas else [keep] * count if isinstance(keep, bool) else keep[c.key] for c in self
        ]
        prefixed = any(any(kept) for c, kept in zip(self, keeps, strict=True) if c.route == "prefix")
        used = [(c, kept) for c, kept in zip(self, keeps, strict=True) if c.route != "prefix" or prefixed]
        parts = [c(_value(c, batch), on_device(kept, device, torch.bool)) for c, kept in used]
        prefixes = [kept_of(part.prefix, kept) for part, (_, kept) in zip(parts, used, strict=True) if part.prefix]
        told = _merge(parts, prefixes)

        def without(names: frozenset[str]) -> Conditioning:
            self.require(names)
            left = [[flag and _name(c) not in names for flag in kept] for c, kept in zip(self, keeps, strict=True)]
            return self.conditions(batch, count, device, dict(zip(self.batch_keys, left, strict=True)))

        return replace(told, without=without)

    def require(self, names: Collection[str]) -> None:
        """Refuses to tell conditions apart that the model does not have.

        Args:
            names: of their wishes.

        Raises:
            ValueError: naming those that it has.
        """
        known = {_name(conditioner) for conditioner in self if not conditioner.of_canvas}
        if unknown := sorted(set(names) - known):
            raise ValueError(
                f"guidance has a scale for {', '.join(unknown)}, but this model's conditions are "
                f"{', '.join(sorted(known)) or 'none'}."
            )

    def words(self, batch: Batch) -> list[str]:
        """What people may read of each sample's conditions, each word once; empty if no conditioner says anything."""
        described = [words for c in self if c.key in batch and (words := c.words(batch[c.key]))]
        return [", ".join(dict.fromkeys(parts)) for parts in zip(*described, strict=True)]


def _value(conditioner: Conditioner, batch: Batch) -> Any:
    """What the conditioner takes: cached, or made now."""
    if conditioner.latent_key is not None and conditioner.latent_key in batch:
        return batch[conditioner.latent_key]
    return conditioner.compress(batch[conditioner.key])


def _name(conditioner: Conditioner) -> str:
    """That of its wish, or of its field where it has none."""
    return conditioner.key if conditioner.wish is None else conditioner.wish.name


def _merge(parts: Sequence[Conditioning], prefixes: Sequence[Prefix]) -> Conditioning:
    return replace(
        _merge_cross([(part.cross, part) for part in parts if part.cross is not None]),
        pooled=_sum([part.pooled for part in parts]),
        grouped=_sum([part.grouped for part in parts]),
        prefix=merge(prefixes),
    )


def _merge_cross(parts: Sequence[tuple[Tensor, Conditioning]]) -> Conditioning:
    """All texts of a sample, one behind the other."""
    if not parts:
        return Conditioning()
    cross = torch.cat([text for text, _ in parts], 1)
    if all(part.cross_mask is None for _, part in parts):
        return Conditioning(cross=cross)
    known = [known_lengths(text, part.cross_mask, part.cross_lengths) for text, part in parts]
    lengths = [each for each in known if each is not None]
    return Conditioning(
        cross=cross,
        cross_mask=torch.cat([real(text, part.cross_mask) for text, part in parts], 1),
        cross_lengths=tuple(map(sum, zip(*lengths, strict=True))) if len(lengths) == len(parts) else None,
    )


def _sum(values: Sequence[Tensor | None]) -> Tensor | None:
    present = [value for value in values if value is not None]
    return torch.stack(present).sum(0) if present else None
