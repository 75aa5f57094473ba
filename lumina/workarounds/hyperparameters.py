"""Keeps constructor arguments in the checkpoint only where they are plain data.

Under the command line Lightning stores the config that a module was built from: plain data, which loads with
``weights_only`` and lets ``LuminaModule.load_from_checkpoint(path)`` rebuild the module without arguments. Built from
Python, the same call would pickle whole networks into the checkpoint, which then loads nowhere.
"""

from __future__ import annotations

from lightning.pytorch import LightningModule
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters

import lumina.workarounds.instantiate_module  # noqa: F401  # what is saved here is read back through it


def save_given_hyperparameters(module: LightningModule) -> None:
    """`save_hyperparameters` where the command line gave a config, nothing where the module was built from Python."""
    if _given_hyperparameters.get() is not None:
        module.save_hyperparameters(logger=False)
