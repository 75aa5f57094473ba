"""Hides messages that Lightning 2.6 prints on every run and that no user can act on."""

from __future__ import annotations

import logging
import warnings

WARNINGS = (
    "LightningCLI's args parameter",
    "Be aware that when using `ckpt_path`",  # evaluations need no ModelCheckpoint
    "You have overridden `transfer_batch_to_device`",  # needed to check labels before they reach the device
    r"The dirpath has changed from .* won't be reloaded",  # a resumed run has a new folder
    "FSDP2-wrapped module .* returned a view tensor",  # nothing writes to it
    r"`isinstance\(treespec, LeafSpec\)`",  # from Lightning's use of torch
)
MESSAGES = {"lightning.pytorch.utilities.rank_zero": ("litlogger", "litmodels")}  # advertisements, by their logger


def silence_lightning() -> None:
    """Filters `WARNINGS` and `MESSAGES`; everything else is shown."""
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message)
    for name in MESSAGES:
        logger = logging.getLogger(name)
        if _is_news not in logger.filters:
            logger.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return not any(message in record.getMessage() for message in MESSAGES[record.name])
