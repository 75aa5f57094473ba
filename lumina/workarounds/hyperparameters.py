"""Saves constructor arguments in the checkpoint only if they are plain data.

On the command line, Lightning stores the config from which a module was built. This is plain data that loads with
``weights_only``, so ``LuminaModule.load_from_checkpoint(path)`` can rebuild the module without arguments. For a module
built in Python the same call would pickle whole networks into the checkpoint, which could then not be loaded.
"""

from __future__ import annotations

from lightning.pytorch import LightningModule
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters

import lumina.workarounds.instantiate_module  # noqa: F401  # loading depends on it


def save_given_hyperparameters(module: LightningModule) -> None:
    """Calls `save_hyperparameters` if the module was built from a config; does nothing if it was built in Python."""
    if _given_hyperparameters.get() is not None:
        module.save_hyperparameters(logger=False)
