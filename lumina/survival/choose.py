"""What ``ckpt_path`` means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_info

from lumina.survival.checkpoints import is_sharded, newest_checkpoint, require_whole

LAST, AUTO = "last", "auto"
"""Words for the newest checkpoint of the experiment; with the second, a run without any starts anew."""


def choose_checkpoint(given: str | Path, runs: Path | None = None) -> Path | None:
    """The checkpoint to go on from.

    Args:
        given: a ``.ckpt`` file; a folder with some, of which the newest whole one is taken; ``last`` or ``auto``.
        runs: the folder of the experiment's runs, where ``last`` and ``auto`` look; None = for an evaluation.

    Returns:
        A whole checkpoint; None where ``auto`` finds none at all.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the named one is broken, or ``last`` and ``auto`` have nowhere to look.
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
    """Where an experiment's runs lie, by the settings of its trainer: the logger's folder, else the default one."""
    loggers = trainer.get("logger")
    logger = loggers[0] if isinstance(loggers, list) and loggers else loggers
    arguments = logger.get("init_args", {}) if isinstance(logger, Mapping) else {}
    folder = arguments.get("save_dir") or trainer.get("default_root_dir") or "runs"
    name = arguments.get("project", arguments.get("name"))  # of W&B, whose name is of a run
    return Path(folder) / str(name or "")
