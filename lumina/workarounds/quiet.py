"""Keeps what Lightning 2.6 says on every run, and no user can act on, off the screen."""

from __future__ import annotations

import logging
import warnings

WARNINGS = (
    "LightningCLI's args parameter",
    "Be aware that when using `ckpt_path`",  # evaluations need no ModelCheckpoint
    "You have overridden `transfer_batch_to_device`",  # so that wrong labels never reach the device
    r"`isinstance\(treespec, LeafSpec\)`",  # its use of torch
)
ADVERTISEMENTS = ("litlogger", "litmodels")


def silence_lightning() -> None:
    """Filters those warnings and advertisements; everything else is shown."""
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message)
    logger = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    if _no_advertisement not in logger.filters:
        logger.addFilter(_no_advertisement)


def _no_advertisement(record: logging.LogRecord) -> bool:
    return not any(name in record.getMessage() for name in ADVERTISEMENTS)
