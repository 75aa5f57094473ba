"""Trained models of every form, as modules."""

from __future__ import annotations

from pathlib import Path

import torch

from lumina.checkpoints.build import build_module
from lumina.module import LuminaModule
from lumina.weights.source import read_weights


def load_pretrained(
    source: str | Path,
    dtype: torch.dtype = torch.float32,
    base: str | None = None,
    text_encoder: str | None = None,
    vae: str | None = None,
) -> LuminaModule:
    """A trained model with its averaged weights, in evaluation mode and without its metrics.

    Args:
        source: see `lumina.weights.source.read_weights`, as for the options below.
        dtype: of the parameters; bfloat16 keeps the 2B model in 3.3 GB.
        base: of a run with adapters, where the weights are now that it started from.
        text_encoder: in place of a published model's own.
        vae: likewise.

    Raises:
        FileNotFoundError: there is no such source, or a part of it is missing.
        ValueError: it is damaged or another model's.
    """
    return build_module(read_weights(source, base, text_encoder, vae), dtype)
