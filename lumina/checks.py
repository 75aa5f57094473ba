"""Compatibility checks between the parts of a model, and between a model and its data. They run before step 0."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lumina.backbone import NextDiTConfig
from lumina.data.classes import abbreviate
from lumina.interfaces import Conditioner, DataModule, Modality, Objective
from lumina.values import Tokens

NAMES = {Tokens: "tokens", Tensor: "logits"}


def measured(config: NextDiTConfig, modality: Modality, conditioners: Sequence[Conditioner]) -> NextDiTConfig:
    """Fills the token and text widths of the config from the modality and the conditioners.

    Raises:
        ValueError: the config sets a different width, or two cross-attention conditioners differ in width.
    """
    text = {conditioner.dim for conditioner in conditioners if conditioner.route == "cross"}
    if len(text) > 1:
        raise ValueError(
            f"conditioners on the cross route must have the same width, got {sorted(text)}; set their `width` to "
            "one number, to which a linear layer brings each."
        )
    filled = replace(
        config,
        token_dim=modality.token_dim,
        position_axes=modality.position_axes,
        text_dim=next(iter(text), None),
    )
    for name in ("token_dim", "position_axes", "text_dim"):
        stated, width = getattr(config, name), getattr(filled, name)
        if stated is not None and stated != width:
            raise ValueError(
                f"backbone.{name}={stated}, but the modality and the conditioners have {width}; "
                "leave it out: it is set automatically."
            )
    return filled


def check_memory(config: NextDiTConfig) -> None:
    """Refuses a backbone, before it is built, that does not fit into this machine's memory even in bfloat16.

    Raises:
        ValueError: states the required and the available memory.
    """
    needed, available = 2 * config.weight_count, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if torch.get_default_device().type != "meta" and needed > available:
        raise ValueError(
            f"backbone: dim={config.dim}, num_layers={config.num_layers} and multiple_of={config.multiple_of} make at "
            f"least {config.weight_count:.2g} parameters, {needed / 2**30:.3g} GiB even in bfloat16; this machine has "
            f"{available / 2**30:.3g} GiB of memory."
        )


def check_outputs(objective: Objective, modality: Modality) -> None:
    """Refuses an objective whose outputs the modality cannot decode.

    Raises:
        ValueError: names both.
    """
    if objective.puts_out is not modality.decodes:
        raise ValueError(
            f"the objective {type(objective).__name__} puts out {NAMES[objective.puts_out]}, but the modality "
            f"{type(modality).__name__} decodes {NAMES[modality.decodes]}; choose a matching pair."
        )


def check_canvas(conditioners: Iterable[Conditioner], modality: Modality) -> None:
    """Refuses a conditioner that describes the canvas by a field that the modality does not give.

    Raises:
        ValueError: names the field and those that there are.
    """
    keys = [conditioner.key for conditioner in conditioners if conditioner.of_canvas]
    with torch.device("cpu"):
        known = modality.fields(1, {}) if keys else {}
    for key in keys:
        if key not in known:
            raise ValueError(
                f"a conditioner reads {key!r} of the canvas, but canvases of {type(modality).__name__} have "
                f"{', '.join(map(repr, known)) or 'no fields'}: set its key, or choose another modality."
            )


def check_axes(config: NextDiTConfig, modality: Modality) -> None:
    """Refuses positions that differ along an axis to which the rotary embedding gives no dimension.

    Raises:
        ValueError: names the axis.
    """
    if config.positions != "rope" or config.axes_dims is None or all(config.axes_dims):
        return
    with torch.device("cpu"):
        positions = modality.layout(1, {}).positions[0]
    for axis, dims in enumerate(config.axes_dims):
        if not dims and len(positions) and positions[:, axis].amin() != positions[:, axis].amax():
            raise ValueError(
                f"positions of {type(modality).__name__} differ along axis {axis + 1}, but axes_dims="
                f"{list(config.axes_dims)} gives it no dimension, so the network could not see that: give it some."
            )


def check_budget(data: Any, config: NextDiTConfig) -> None:
    """Refuses a token budget that ignores padding if the backbone computes the padding too.

    Raises:
        ValueError: names the two options, one of which must change.
    """
    if getattr(data, "max_tokens", None) is not None and data.cost == "sum" and config.mixed_sizes == "padded":
        raise ValueError(
            f"data.max_tokens={data.max_tokens} counts the tokens of the samples (cost=sum), but the backbone computes "
            "their padding too (mixed_sizes=padded): set data.cost to padded, or backbone.mixed_sizes to packed."
        )


def check_latents(data: DataModule, modality: Modality) -> None:
    """Refuses cached latents that do not belong to this modality, for example those of another autoencoder.

    Raises:
        ValueError: names the differences.
    """
    if details := _other_latents(data.latent_identity, modality):
        raise ValueError(
            f"the latents of {type(data).__name__} were made with another autoencoder: {details}; set model.modality "
            "to what the cache was made with, or run `lumina cache` again."
        )


def warn_of_latents(stored: Mapping[str, Any] | None, modality: Modality, source: str) -> None:
    """Warns that weights were trained on the latents of another autoencoder.

    That may be meant: of an autoencoder whose decoder alone was trained further, the latents are the same.

    Args:
        stored: the `Modality.latent_identity` with which they were trained; None = it is not known.
        modality: of this run.
        source: name of the weights.
    """
    if details := _other_latents(stored, modality):
        warnings.warn(
            f"{source} was trained on the latents of another autoencoder: {details}. Unless both encode "
            "alike, set model.modality's autoencoder to the one of that training, or train until the network knows it.",
            stacklevel=2,
        )


def _other_latents(stored: Mapping[str, Any] | None, modality: Modality) -> str:
    """What differs, in words; empty if nothing does, or if nothing is known."""
    if stored is None:
        return ""
    current = modality.latent_identity
    differing = [name for name in dict.fromkeys((*stored, *current)) if stored.get(name) != current.get(name)]
    return ", ".join(f"{name} {stored.get(name)} (this run: {current.get(name)})" for name in differing)


def check_classes(stored: Mapping[str, Sequence[str]], current: Mapping[str, Sequence[str]]) -> None:
    """Refuses a checkpoint whose classes, or whose order of classes, differ from those of this run.

    Args:
        stored: class names in the checkpoint, by the part that has them.
        current: class names of this run, by the part that has them.

    Raises:
        ValueError: shows both lists.
    """
    for part in stored.keys() & current.keys():
        if list(stored[part]) != list(current[part]):
            raise ValueError(
                f"the checkpoint numbers the classes of its {part} {abbreviate(stored[part])}; this run "
                f"{abbreviate(current[part])}. Resume with the run's own config, which keeps the order of its classes, "
                "or start a new run with the checkpoint as model.weights, which matches classes by name."
            )


def require_fields(needed: Iterable[str], present: Sequence[str], owner: str) -> None:
    """Refuses data that lack a required field.

    Raises:
        ValueError: names the missing and the available fields.
    """
    missing = [repr(name) for name in needed if name not in present]
    if missing:
        raise ValueError(
            f"{owner} has no {', '.join(missing)}, which the modality, the conditioners or the objective read; it has: "
            f"{', '.join(present)}. Choose a datamodule that yields it, or drop the part that needs it."
        )
