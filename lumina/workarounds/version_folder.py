"""Gives each run its own version folder.

Bug in Lightning 2.6.6: loggers choose the first unused ``version_N`` but create it later. Two runs that start together
share a folder, mix their metrics and lose a configuration.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer


def claim_versions(trainer: Trainer) -> None:
    """Creates the version folder of each logger that numbers its versions and has no explicit version."""
    for logger in trainer.loggers if trainer.is_global_zero else ():
        if hasattr(logger, "_get_next_version") and getattr(logger, "_version", None) is None:
            _claim(logger)


def _claim(logger: Any) -> None:
    while True:
        logger._version = logger._get_next_version()
        try:
            Path(logger.log_dir).mkdir(parents=True)
        except FileExistsError:  # another run created it first
            continue
        return
