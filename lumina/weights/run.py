"""Reads the model in a checkpoint of `lumina fit`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lumina.files.weights import read_pickle
from lumina.survival.choose import choose_checkpoint

EMA, ARCHITECTURE, LATENTS = "ema", "architecture", "latents"
"""Keys of a checkpoint: the averaged weights, the backbone's config with the widths that the parts have, and the
modality's `latent_identity`."""


def averaged_weights(checkpoint: Mapping[str, Any]) -> dict[str, Tensor] | None:
    """The averaged weights in a checkpoint.

    Args:
        checkpoint: the loaded checkpoint.

    Returns:
        Full float32 tensors of the trained parameters, by their names in ``checkpoint["state_dict"]``; None if the run
        had no `EMA` callback.
    """
    weights: dict[str, Tensor] | None = checkpoint.get(EMA, {}).get("weights")
    return weights


def averaged(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The model's tensors, averaged if the checkpoint has an average, without the metrics' networks."""
    tensors = checkpoint["state_dict"] | (averaged_weights(checkpoint) or {})
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("metrics.")}


def read_run(path: Path) -> tuple[dict[str, Any], Path]:
    """Loads a checkpoint with memory-mapped tensors; returns it and its path.

    Args:
        path: a ``.ckpt`` file, or the folder of a run, whose newest complete checkpoint is loaded.

    Raises:
        FileNotFoundError: the file does not exist, or the folder has no complete checkpoint.
        ValueError: the file is not a checkpoint of `lumina fit`.
    """
    path = choose_checkpoint(path) or path
    if path.is_dir():
        raise ValueError(
            f"{path} is a sharded checkpoint; train with save_distributed_checkpoint=false to get one file."
        )
    checkpoint: dict[str, Any] = read_pickle(path)
    if "hyper_parameters" not in checkpoint:
        raise ValueError(
            f"{path} was not written by `lumina fit`: it holds no hyper_parameters to rebuild the model from; "
            "published weights are given by their folder."
        )
    return checkpoint, path
