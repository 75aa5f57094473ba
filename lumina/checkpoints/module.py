"""Our own checkpoints, back as modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina.callbacks.ema import averaged_weights
from lumina.checkpoints.build import build_module
from lumina.checkpoints.weights import read_pickle
from lumina.lora import KEY as ADAPTERS
from lumina.lora import merged
from lumina.module import LuminaModule
from lumina.resuming.choose import choose_checkpoint


def load_module(path: Path, dtype: torch.dtype = torch.float32, base: str | None = None) -> LuminaModule:
    """The module of a checkpoint with its averaged weights, in evaluation mode and without its metrics.

    Args:
        path: a ``.ckpt`` file that `lumina fit` wrote, or the folder of a run.
        dtype: of the parameters.
        base: where the weights are now that a run with adapters started from; None = where they were.

    Raises:
        FileNotFoundError: if there is no such file, or no whole checkpoint in the folder.
        ValueError: if the file is no checkpoint of ours.
    """
    arguments, state, path = read_checkpoint(path, base)
    return build_module(arguments, state, path, dtype)


def read_checkpoint(path: Path, base: str | None = None) -> tuple[Mapping[str, Any], dict[str, Tensor], Path]:
    """What a checkpoint holds of a model.

    Args:
        path: a ``.ckpt`` file or the folder of a run.
        base: where the weights are now that a run with adapters started from; None = where they were.

    Returns:
        The module's arguments, its tensors mapped from the file (averaged where the run kept an average, adapters
        merged into the weights they belong to), and the file.

    Raises:
        FileNotFoundError: if there is no such file, or no whole checkpoint in the folder.
        ValueError: if the file is no checkpoint of ours.
    """
    path = choose_checkpoint(path) or path
    if path.is_dir():
        raise ValueError(
            f"{path} is a sharded checkpoint; train with save_distributed_checkpoint=false to get one file."
        )
    checkpoint = read_pickle(path)
    if "hyper_parameters" not in checkpoint:
        raise ValueError(
            f"{path} was not written by `lumina fit`: it holds no hyper_parameters to rebuild the model from; "
            "published weights are given by their folder."
        )
    arguments, state = checkpoint["hyper_parameters"], checkpoint["state_dict"] | (averaged_weights(checkpoint) or {})
    if ADAPTERS in checkpoint:
        arguments, state = merged(checkpoint, state, base)
    return arguments, {name: tensor for name, tensor in state.items() if not name.startswith("metrics.")}, path
