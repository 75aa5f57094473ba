"""Compatibility checks of a model's parts, and of a model with its data; they run before step 0."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lumina.backbone import NextDiTConfig
from lumina.data.classes import some
from lumina.interfaces import Conditioner, DataModule, Modality, Objective
from lumina.values import Tokens

NAMES = {Tokens: "tokens", Tensor: "logits"}


def measured(config: NextDiTConfig, modality: Modality, conditioners: Sequence[Conditioner]) -> NextDiTConfig:
    """The config with the widths that the modality and the conditioners have.

    Raises:
        ValueError: where the config states another width.
    """
    text = {conditioner.dim for conditioner in conditioners if conditioner.route == "cross"}
    if len(text) > 1:
        raise ValueError(
            f"conditioners on the cross route must have one width, got {sorted(text)}; project them to one."
        )
    wide = replace(
        config,
        token_dim=modality.token_dim,
        position_axes=modality.position_axes,
        text_dim=next(iter(text), None),
    )
    for name in ("token_dim", "position_axes", "text_dim"):
        stated, width = getattr(config, name), getattr(wide, name)
        if stated is not None and stated != width:
            raise ValueError(
                f"backbone.{name}={stated}, but the modality and the conditioners have {width}; "
                "leave it out, it is measured."
            )
    return wide


def check_memory(config: NextDiTConfig) -> None:
    """Refuses, before it is built, a backbone that this machine cannot hold even in bfloat16.

    Raises:
        ValueError: with the estimate and what there is.
    """
    needed, there = 2 * config.weight_count, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if torch.get_default_device().type != "meta" and needed > there:
        raise ValueError(
            f"backbone: dim={config.dim}, num_layers={config.num_layers} and multiple_of={config.multiple_of} make at "
            f"least {config.weight_count:.2g} parameters, {needed / 2**30:.3g} GiB even in bfloat16; this machine has "
            f"{there / 2**30:.3g} GiB of memory."
        )


def check_outputs(objective: Objective, modality: Modality) -> None:
    """Refuses an objective whose outputs the modality cannot decode.

    Raises:
        ValueError: naming both.
    """
    if objective.puts_out is not modality.decodes:
        raise ValueError(
            f"the objective {type(objective).__name__} puts out {NAMES[objective.puts_out]}, but the modality "
            f"{type(modality).__name__} decodes {NAMES[modality.decodes]}; choose two that go together."
        )


def check_budget(data: Any, config: NextDiTConfig) -> None:
    """Refuses to fill batches by their real tokens where the padding is computed too.

    Raises:
        ValueError: saying which of the two to change.
    """
    if getattr(data, "max_tokens", None) is not None and data.cost == "sum" and config.mixed_sizes == "padded":
        raise ValueError(
            f"data.max_tokens={data.max_tokens} counts the tokens of the samples (cost=sum), but the backbone computes "
            "their padding too (mixed_sizes=padded): set data.cost to padded, or backbone.mixed_sizes to packed."
        )


def check_latents(data: DataModule, modality: Modality) -> None:
    """Refuses latents that another modality made, with another autoencoder say.

    Raises:
        ValueError: naming what differs.
    """
    if data.latent_identity is None:
        return
    made, here = data.latent_identity, modality.latent_identity
    differing = [name for name in dict.fromkeys((*made, *here)) if made.get(name) != here.get(name)]
    if differing:
        told = ", ".join(f"{name} {made.get(name)} (this run: {here.get(name)})" for name in differing)
        raise ValueError(
            f"the latents of {type(data).__name__} were made with another autoencoder: {told}; set model.modality to "
            "what the cache was made with, or run `lumina cache` again."
        )


def check_classes(stored: Mapping[str, Sequence[str]], own: Mapping[str, Sequence[str]]) -> None:
    """Refuses a checkpoint whose classes are others, or numbered otherwise.

    Args:
        stored: names of the checkpoint's classes, by the part that knows them.
        own: of this run.

    Raises:
        ValueError: with both lists.
    """
    for part in stored.keys() & own.keys():
        if list(stored[part]) != list(own[part]):
            raise ValueError(
                f"the checkpoint numbers the classes of its {part} {some(stored[part])}; this run {some(own[part])}. "
                "Resume with the run's own config, which keeps their order, or start a new run with the checkpoint as "
                "model.weights, which goes by their names."
            )


def require_fields(needed: Iterable[str], present: Sequence[str], owner: str) -> None:
    """Refuses data without the fields that are read.

    Raises:
        ValueError: naming what is missing and what there is.
    """
    missing = [repr(name) for name in needed if name not in present]
    if missing:
        raise ValueError(
            f"{owner} has no {', '.join(missing)}, which the modality, the conditioners or the objective read; it has: "
            f"{', '.join(present)}. Choose a datamodule that yields it, or drop the part that asks for it."
        )
