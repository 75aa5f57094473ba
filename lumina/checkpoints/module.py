"""Our own checkpoints, back as modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lumina.callbacks.ema import averaged_weights
from lumina.module import LuminaModule
from lumina.workarounds.atomic_checkpoint import newest_valid_checkpoint


def load_module(path: Path) -> LuminaModule:
    """The module of a checkpoint with its averaged weights, in evaluation mode.

    Args:
        path: a ``.ckpt`` file that `lumina fit` wrote, or the folder of a run.

    Raises:
        FileNotFoundError: if there is no such file, or no whole checkpoint in the folder.
        ValueError: if the file is no checkpoint of ours.
    """
    if path.is_dir():
        path = newest_valid_checkpoint(path)
    if path.is_dir():
        raise ValueError(
            f"{path} is a sharded checkpoint; train with save_distributed_checkpoint=false to get one file."
        )
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist; give a .ckpt file or a run's folder.")
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises a different class for each way in which a file is broken
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is broken or no checkpoint that is safe to load ({reason}).") from error
    if not isinstance(checkpoint, dict) or "hyper_parameters" not in checkpoint:
        raise ValueError(
            f"{path} was not written by `lumina fit`: it holds no hyper_parameters to rebuild the model from; "
            "published weights come in through lumina.checkpoints."
        )
    module = LuminaModule.load_from_checkpoint(path, map_location="cpu", weights_only=True)
    average = averaged_weights(checkpoint)
    if average is not None:
        module.load_state_dict({**checkpoint["state_dict"], **average})
    return module.eval()
