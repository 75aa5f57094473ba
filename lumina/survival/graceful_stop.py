"""Ends a run cleanly on a signal from the system or the user.

Fixes faults of Lightning 2.6.6: its SIGTERM handler runs a collective operation inside the signal handler, between
those of the training step, so a run with several processes hangs. With one process the run, even an evaluation, ends
with exit code 0 as if it had finished. Ctrl-C saves nothing.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any

import torch
import torch.distributed
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info

from lumina.survival.last_state import save_last

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
AGAIN = b"\nStopping after this batch, with a checkpoint; Ctrl-C again stops at once.\n"


class GracefulStop(Callback):
    """On SIGTERM, SIGUSR1 or Ctrl-C to any process: finish the batch, save ``last.ckpt``, exit with 128 + signal.

    The checkpoint is saved in the folder of the run's `ModelCheckpoint`, or in the trainer's log folder. The run then
    ends without the validation and epoch-end checkpoints that ``trainer.should_stop`` would add (they would mark the
    epoch as finished). Use exit code 143 (SIGTERM) or 138 (SIGUSR1) in a scheduler's requeue rule: this callback
    replaces Lightning's requeueing under SLURM.

    A validation stops after its current batch and restarts when the run is resumed; an evaluation stops without a
    report. A second Ctrl-C stops at once, without a checkpoint. Callbacks that swap weights for validation, such as
    `EMA`, must come before this one.
    """

    def __init__(self) -> None:
        self._signal = self._agreed_on = 0
        self._stopped: SystemExit | None = None
        self._on_interrupt: Any = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Clears the signals of an earlier run."""
        self._signal = self._agreed_on = 0
        self._stopped = None

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Installs the signal handlers after Lightning's, which restores those of SIGTERM and SIGUSR1 at the end."""
        self._take_over()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """As `on_sanity_check_start`, for runs without that check."""
        self._take_over()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """As `on_sanity_check_start`, for an evaluation."""
        self._take_over()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """As `on_sanity_check_start`, for an evaluation."""
        self._take_over()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """As `on_sanity_check_start`, for an evaluation."""
        self._take_over()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Stops all processes after the same batch if any of them has received a signal."""
        self._obey(trainer)

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """As `on_train_batch_end`."""
        self._obey(trainer)

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """As `on_train_batch_end`."""
        self._obey(trainer)

    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """As `on_train_batch_end`."""
        self._obey(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Saves the state of the stopped run; earlier callbacks have already restored the raw weights."""
        self._give_back()
        if exception is not self._stopped:
            return
        name = signal.Signals(self._agreed_on).name
        if trainer.state.fn != TrainerFn.FITTING:
            rank_zero_info(f"Stopped by {name} before the end: there is no report, run the evaluation again.")
        elif trainer.sanity_checking:
            rank_zero_info(f"Stopped by {name} before training began: nothing is saved.")
        else:
            rank_zero_info(f"Stopped by {name}; resume from {save_last(trainer)}")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Restores the previous handler of Ctrl-C."""
        self._give_back()

    def _take_over(self) -> None:
        if signal.getsignal(signal.SIGINT) != self._note:
            self._on_interrupt = signal.getsignal(signal.SIGINT)
        for number in SIGNALS:
            signal.signal(number, self._note)

    def _give_back(self) -> None:
        if self._on_interrupt is not None:
            signal.signal(signal.SIGINT, self._on_interrupt)
            self._on_interrupt = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self._give_back()
            os.write(2, AGAIN)
        self._signal = number

    def _obey(self, trainer: Trainer) -> None:
        if number := self._agreed(trainer):
            self._agreed_on = number
            self._stopped = SystemExit(_exit_code(trainer, number))
            raise self._stopped

    def _agreed(self, trainer: Trainer) -> int:
        """The signal that any process has received, or 0; the same value on all processes."""
        if trainer.world_size == 1:
            return self._signal
        flag = torch.tensor(self._signal, device=trainer.strategy.root_device)
        torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
        return int(flag)


def _exit_code(trainer: Trainer, number: int) -> int:
    """128 + signal; 0 in processes started by Lightning, which would otherwise kill the main one before its cleanup."""
    started_by_lightning = trainer.strategy.launcher is not None and trainer.local_rank > 0
    return 0 if started_by_lightning else 128 + number
