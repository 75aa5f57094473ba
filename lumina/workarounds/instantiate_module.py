"""Builds a module from the arguments in a checkpoint, and calls nothing that they name but classes.

Lightning's own `instantiate_module`, to which ``LightningModule.load_from_checkpoint`` hands what a checkpoint says,
calls functions too: ``optimizer: {class_path: os.system, init_args: {command: ...}}`` runs a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningModule, cli

from lumina.config.parser import ShortErrorParser
from lumina.config.trust import OURS, shared

NAME = "lightning.pytorch.cli.instantiate_module"  # as checkpoints call it
_theirs = cli.instantiate_module


def instantiate_module(class_type: type[LightningModule], config: Mapping[str, Any]) -> Any:
    """An instance of ``class_type``.

    Args:
        class_type: what to build.
        config: its arguments as plain data, which is changed.

    Raises:
        ArgumentError: they do not fit.
        ValueError: they name something else than classes.
    """
    parser = ShortErrorParser(exit_on_error=False)
    parser.add_class_arguments(class_type, fail_untyped=False)
    return class_type(**vars(parser.instantiate(parser.parse_object(dict(config)))))


def _from_checkpoint(class_type: type[LightningModule], config: dict[str, Any]) -> Any:
    if not any(parent.__module__.split(".")[0] in OURS for parent in class_type.__mro__):
        return _theirs(class_type, config)
    with shared("the checkpoint"):
        return instantiate_module(class_type, config)


cli.instantiate_module = _from_checkpoint  # type: ignore[assignment]  # its type variable is Lightning's own
