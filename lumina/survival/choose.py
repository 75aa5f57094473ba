"""Resolves ``ckpt_path`` to a checkpoint.

Lightning takes the path of a file. Here a run's folder stands for its newest intact checkpoint, and ``last`` and
``auto`` for that of the experiment, so that a job can be submitted again with the same command.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_info

from lumina.survival.checkpoints import is_sharded, newest_checkpoint, require_whole

LAST, AUTO = "last", "auto"
"""Keywords for the experiment's newest checkpoint; with ``auto``, a run without checkpoints starts from scratch."""


def choose_checkpoint(given: str | Path, runs: Path | None = None) -> Path | None:
    """Chooses the checkpoint to load.

    Args:
        given: a ``.ckpt`` file; a folder, in which the newest complete checkpoint is chosen; ``last`` or ``auto``.
        runs: the folder of the experiment's runs, which ``last`` and ``auto`` search; None = for an evaluation.

    Returns:
        A complete checkpoint; None if ``auto`` finds no checkpoint at all.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: the given checkpoint is broken, or ``last`` or ``auto`` is used in an evaluation.
    """
    word = str(given) if str(given) in (LAST, AUTO) and not Path(given).exists() else None
    if word and runs is None:
        raise ValueError(f"--ckpt_path {word} is for `lumina fit` alone; give a .ckpt file or a run's folder.")
    if word == AUTO and (runs is None or next(runs.rglob("*.ckpt"), None) is None):
        rank_zero_info(f"There is no checkpoint under {runs} yet: the run starts anew.")
        return None
    path = runs if word and runs else Path(given)
    if word or (path.is_dir() and not is_sharded(path)):
        path = newest_checkpoint(path, resumes=runs is not None)
        rank_zero_info(f"The newest checkpoint is {path}.")
    else:
        require_whole(path, resumes=runs is not None)
    return path


def runs_folder(trainer: Mapping[str, Any]) -> Path:
    """The folder of an experiment's runs, from the trainer's settings: that of the logger, or the default folder."""
    loggers = trainer.get("logger")
    logger = loggers[0] if isinstance(loggers, list) and loggers else loggers
    arguments = logger.get("init_args", {}) if isinstance(logger, Mapping) else {}
    folder = arguments.get("save_dir") or trainer.get("default_root_dir") or "runs"
    name = arguments.get("project", arguments.get("name"))  # W&B: `project` names the experiment, `name` a single run
    return Path(folder) / str(name or "")
