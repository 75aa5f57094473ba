"""Builds a module from the arguments in a checkpoint, and instantiates only classes.

Bug in Lightning 2.6.6: `instantiate_module`, which ``LightningModule.load_from_checkpoint`` calls with the arguments in
a checkpoint, also calls functions: ``optimizer: {class_path: os.system, init_args: {command: ...}}`` runs a command.
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, cli

from lumina.config.instantiate import instantiated
from lumina.config.trust import OURS

NAME = "lightning.pytorch.cli.instantiate_module"  # its name in checkpoints
_original = cli.instantiate_module


def _from_checkpoint(class_type: type[LightningModule], config: dict[str, Any]) -> Any:
    if not any(parent.__module__.split(".")[0] in OURS for parent in class_type.__mro__):
        return _original(class_type, config)
    return instantiated(class_type, config, "the checkpoint")


cli.instantiate_module = _from_checkpoint  # type: ignore[assignment]  # its type variable is Lightning's own
