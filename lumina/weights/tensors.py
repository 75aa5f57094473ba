"""Helpers for all formats: checking tensors, filling a backbone without a copy, reordering output rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina.backbone import NextDiT, NextDiTConfig

OUTPUT_ROWS = ("final_layer.linear.weight", "final_layer.linear.bias")
"""Parameters whose rows are ordered (ph, pw, c) in other code; here tokens are ordered (c, ph, pw)."""

BACKBONE, CONDITIONERS, OBJECTIVE = "backbone.", "conditioners.", "objective."
"""Prefixes of the names of each part's tensors in `LuminaModule`."""


def empty_backbone(config: NextDiTConfig) -> NextDiT:
    """A backbone with parameters on the meta device, to be filled by `fill`."""
    with torch.device("meta"):
        return NextDiT(config)


def text_tensors(config: NextDiTConfig) -> set[str]:
    """Names in `LuminaModule` of the backbone's tensors that only a model with text has."""
    plain = empty_backbone(replace(config, text_dim=None)).state_dict()
    return {f"{BACKBONE}{name}" for name in empty_backbone(config).state_dict() if name not in plain}


def fill(model: NextDiT, state: Mapping[str, Tensor]) -> NextDiT:
    """Assigns the tensors of ``state`` to the parameters of ``model`` without copying or casting."""
    model.load_state_dict(dict(state), assign=True)
    return model


def stated_config(architecture: NextDiTConfig | Mapping[str, Any] | None, source: Path) -> NextDiTConfig:
    """The backbone's config in a file.

    Raises:
        ValueError: the file does not describe a valid backbone.
    """
    if isinstance(architecture, NextDiTConfig):
        return architecture
    try:
        settings: dict[str, Any] = {
            name: tuple(x) if isinstance(x, list) else x for name, x in (architecture or {}).items()
        }
        return NextDiTConfig(**settings)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{source} describes a backbone that cannot be built: {error}") from error


def channels_first(x: Tensor, patch_size: int) -> Tensor:
    """Reorders rows ``[ph * pw * C, ...]`` to ``[C * ph * pw, ...]``; C includes both halves of a learn-sigma head."""
    return x.reshape(patch_size, patch_size, -1, *x.shape[1:]).movedim(2, 0).reshape(x.shape)


def channels_last(x: Tensor, patch_size: int) -> Tensor:
    """The reverse of `channels_first`."""
    return x.reshape(-1, patch_size, patch_size, *x.shape[1:]).movedim(0, 2).reshape(x.shape)
