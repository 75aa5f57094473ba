"""The output folder of a run."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn


def run_folder(trainer: Trainer) -> Path:
    """The folder of this run: ``SAVE_DIR/NAME/VERSION``; an evaluation uses the folder of the checkpoint's run.

    Lightning's ``trainer.log_dir`` omits name and version for W&B, so two runs would share a folder.
    """
    if trainer.ckpt_path and trainer.state.fn != TrainerFn.FITTING:
        return folder_of_checkpoint(Path(trainer.ckpt_path))
    logger = trainer.logger
    if logger is None or logger.save_dir is None:
        return Path(trainer.default_root_dir)
    version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
    return Path(logger.save_dir) / str(logger.name or "") / version


def folder_of_checkpoint(checkpoint: Path) -> Path:
    """The folder of the run that wrote a checkpoint.

    It is the nearest parent folder with a ``config.yaml``, or the checkpoint's own folder if none has one.
    """
    parents = checkpoint.resolve().parents
    folder = next((parent for parent in parents if (parent / "config.yaml").is_file()), parents[0])
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
