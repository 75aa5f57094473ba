"""Builds a module from the arguments in a checkpoint, and calls nothing that they name but classes.

Lightning's own `instantiate_module`, to which ``LightningModule.load_from_checkpoint`` hands what a checkpoint says,
calls functions too: ``optimizer: {class_path: os.system, init_args: {command: ...}}`` runs a command.
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, cli

from lumina.config.instantiate import instantiated
from lumina.config.trust import OURS

NAME = "lightning.pytorch.cli.instantiate_module"  # as checkpoints call it
_theirs = cli.instantiate_module


def _from_checkpoint(class_type: type[LightningModule], config: dict[str, Any]) -> Any:
    if not any(parent.__module__.split(".")[0] in OURS for parent in class_type.__mro__):
        return _theirs(class_type, config)
    return instantiated(class_type, config, "the checkpoint")


cli.instantiate_module = _from_checkpoint  # type: ignore[assignment]  # its type variable is Lightning's own
