"""Where a run keeps what it makes."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn


def run_folder(trainer: Trainer) -> Path:
    """The folder of this run: ``SAVE_DIR/NAME/VERSION``, or in an evaluation that of the checkpoint's run.

    Lightning's own ``trainer.log_dir`` leaves out name and version for W&B, so that two runs would share a folder.
    """
    if trainer.ckpt_path and trainer.state.fn != TrainerFn.FITTING:
        return folder_of_checkpoint(Path(trainer.ckpt_path))
    logger = trainer.logger
    if logger is None or logger.save_dir is None:
        return Path(trainer.default_root_dir)
    version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
    return Path(logger.save_dir) / str(logger.name or "") / version


def folder_of_checkpoint(checkpoint: Path) -> Path:
    """The folder of the run that made a checkpoint: the nearest above with a ``config.yaml``, else its own."""
    parents = checkpoint.resolve().parents
    folder = next((parent for parent in parents if (parent / "config.yaml").is_file()), parents[0])
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
