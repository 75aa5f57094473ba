"""Ends a run cleanly when the system asks for it.

Remedies, in Lightning 2.6.6: its SIGTERM handler runs a collective inside the signal handler, between the collectives
of the training step, and with several processes the run hangs; with one, the run ends with exit code 0 as if done.
"""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import torch.distributed
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_info


class GracefulStop(Callback):
    """On SIGTERM or SIGUSR1 to any process: finish the batch, save ``last.ckpt``, exit with 128 + signal number.

    The checkpoint lies in the folder of the run's `ModelCheckpoint`, else in the trainer's log folder. The run ends
    there, without the validation and the epoch-end checkpoints that ``trainer.should_stop`` would bring (they would
    mark the epoch as done). Put 143 (SIGTERM) or 138 (SIGUSR1) in a scheduler's rule for requeueing: this callback
    takes the place of Lightning's own requeueing under SLURM. A signal during validation is obeyed after the next
    training batch.
    """

    def __init__(self) -> None:
        self._signal = 0

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the signals over from Lightning, which gives them back to their former owners at the end."""
        self._take_over()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """As `on_sanity_check_start`, for runs without that check."""
        self._take_over()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stops all processes in the same batch if one of them was told to.

        Raises:
            SystemExit: 128 + the signal's number.
        """
        if number := self._agreed(trainer):
            path = _folder(trainer) / "last.ckpt"
            trainer.save_checkpoint(path)
            rank_zero_info(f"Stopped by {signal.Signals(number).name}; resume from {path}")
            raise SystemExit(_exit_code(trainer, number))

    def _take_over(self) -> None:
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = number

    def _agreed(self, trainer: Trainer) -> int:
        """The signal that any process has received, 0 for none: the same on all."""
        if trainer.world_size == 1:
            return self._signal
        flag = torch.tensor(self._signal, device=trainer.strategy.root_device)
        torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
        return int(flag)


def _folder(trainer: Trainer) -> Path:
    checkpoints = trainer.checkpoint_callback
    if isinstance(checkpoints, ModelCheckpoint) and checkpoints.dirpath:
        return Path(checkpoints.dirpath)
    return Path(trainer.log_dir or trainer.default_root_dir)


def _exit_code(trainer: Trainer, number: int) -> int:
    """0 in processes that Lightning started itself: it kills the main one, still closing its loggers, at any other."""
    started_by_lightning = trainer.strategy.launcher is not None and trainer.local_rank > 0
    return 0 if started_by_lightning else 128 + number
