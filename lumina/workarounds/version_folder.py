"""Gives each run a version folder of its own.

Remedies, in Lightning 2.6.6: loggers choose the first ``version_N`` that is not there and make it later, so that two
runs that start together share one, mix their metrics and lose a configuration.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer


def claim_versions(trainer: Trainer) -> None:
    """Makes the version folder of each of the trainer's loggers that counts versions and was given none."""
    for logger in trainer.loggers if trainer.is_global_zero else ():
        if hasattr(logger, "_get_next_version") and getattr(logger, "_version", None) is None:
            _claim(logger)


def _claim(logger: Any) -> None:
    while True:
        logger._version = logger._get_next_version()
        try:
            Path(logger.log_dir).mkdir(parents=True)
        except FileExistsError:  # another run was faster
            continue
        return
