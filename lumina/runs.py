"""The output folder of a run."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.trainer.states import TrainerFn

CONFIG = "config.yaml"
"""Name of the file with a run's settings, in the run's folder."""


def run_folder(trainer: Trainer) -> Path:
    """The folder of this run: ``SAVE_DIR/NAME/VERSION``; an evaluation uses the folder of the checkpoint's run.

    Lightning's ``trainer.log_dir`` omits name and version for W&B, so two runs would share a folder.
    """
    if trainer.ckpt_path and trainer.state.fn != TrainerFn.FITTING:
        return run_of(Path(trainer.ckpt_path))
    logger = trainer.logger
    if logger is None or logger.save_dir is None:
        return Path(trainer.default_root_dir)
    version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
    return Path(logger.save_dir) / str(logger.name or "") / version


def run_of(path: Path) -> Path:
    """The folder of the run that a checkpoint, or a folder of a run, belongs to.

    It is the path itself or the nearest folder above it that has a `CONFIG`, or the folder around it if none has one.
    """
    full = path.resolve()
    folder = next((one for one in (full, *full.parents) if (one / CONFIG).is_file()), full.parent)
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def config_of(path: Path) -> Path:
    """The settings of the run that a checkpoint, or a folder of a run, belongs to.

    Raises:
        FileNotFoundError: there are none.
    """
    config = run_of(path) / CONFIG
    if not config.is_file():
        raise FileNotFoundError(
            f"No {CONFIG} lies with {path}: give a run's folder or a checkpoint in one, or name the experiment with "
            "--config where there is that option."
        )
    return config


def newest_run(folder: Path) -> Path:
    """A folder itself if it is a run's or has no runs below it, else the run below it whose settings are newest.

    Raises:
        FileNotFoundError: it is no folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder of a run.")
    if (folder / CONFIG).is_file():
        return folder
    below = [file for file in folder.rglob(CONFIG) if "wandb" not in file.relative_to(folder).parts]  # W&B has its own
    return max(below, key=lambda file: file.stat().st_mtime).parent if below else folder
