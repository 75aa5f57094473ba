"""What a checkpoint of `lumina fit` holds of a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lumina.survival.choose import choose_checkpoint
from lumina.weights.files import read_pickle

EMA, ARCHITECTURE = "ema", "architecture"
"""Keys of a checkpoint: the averaged weights, and the backbone's config with the widths that the parts have."""


def averaged_weights(checkpoint: Mapping[str, Any]) -> dict[str, Tensor] | None:
    """The averaged weights that a checkpoint carries beside its raw ``state_dict``.

    Args:
        checkpoint: what `torch.load` returns for a checkpoint of a run with the `EMA` callback.

    Returns:
        Full float32 tensors under their names in ``checkpoint["state_dict"]`` (only what was trained, no buffers), or
        None when the run kept no average.
    """
    weights: dict[str, Tensor] | None = checkpoint.get(EMA, {}).get("weights")
    return weights


def averaged(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of the model, averaged where the run kept an average, without the metrics' networks."""
    tensors = checkpoint["state_dict"] | (averaged_weights(checkpoint) or {})
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("metrics.")}


def read_run(path: Path) -> tuple[dict[str, Any], Path]:
    """A checkpoint, its tensors mapped rather than read, and its file.

    Args:
        path: a ``.ckpt`` file or the folder of a run, of which the newest whole one is taken.

    Raises:
        FileNotFoundError: there is no such file, or no whole checkpoint in the folder.
        ValueError: the file is no checkpoint of ours.
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
