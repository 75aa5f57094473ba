"""Lets an evaluation report into the run that it evaluates, instead of opening another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from lumina.reports.config import TENSORBOARD, WANDB_ID
from lumina.workarounds.appending_csv import AppendingCSVLogger


def of_run(given: Any, folder: Path) -> list[Logger]:
    """The loggers of an evaluation.

    Args:
        given: those of the experiment: one, several, None or True for Lightning's default, False for none.
        folder: of the run that is evaluated.
    """
    if given is None or given is True:
        written = any(folder.glob("events.out.tfevents.*"))
        given = TensorBoardLogger(folder.parent) if written else CSVLogger(folder.parent)
    loggers: Sequence[Logger] = given if isinstance(given, list) else [given] if given else []
    return [_moved(logger, folder) for logger in loggers]


def _moved(logger: Logger, folder: Path) -> Logger:
    """The logger, writing into ``folder`` or to the W&B run that is named there; others stay as they are."""
    if isinstance(logger, TensorBoardLogger):
        folder = _tensorboard_folder(folder)
    parent, name, version = str(folder.parent.parent), folder.parent.name, folder.name
    if isinstance(logger, CSVLogger):
        return AppendingCSVLogger(parent, name, version, logger._prefix, logger._flush_logs_every_n_steps)
    if isinstance(logger, TensorBoardLogger):
        logger._root_dir, logger._name, logger._version = parent, name, version
    elif isinstance(logger, WandbLogger) and (folder / WANDB_ID).is_file():
        logger._id = logger._wandb_init["id"] = (folder / WANDB_ID).read_text(encoding="utf-8").strip()
    return logger


def _tensorboard_folder(folder: Path) -> Path:
    """Where the TensorBoard logger of a run writes; a folder that holds no such run is not written to."""
    note = folder / TENSORBOARD
    noted = folder / note.read_text(encoding="utf-8").strip() if note.is_file() else folder
    return noted.resolve() if any(noted.glob("events.out.tfevents.*")) else folder
