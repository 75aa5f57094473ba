"""Ends a run cleanly when the system or the user asks for it.

Remedies, in Lightning 2.6.6: its SIGTERM handler runs a collective inside the signal handler, between the collectives
of the training step, and with several processes the run hangs; with one, the run ends with exit code 0 as if done, in
an evaluation too; and Ctrl-C saves nothing.
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

    The checkpoint lies in the folder of the run's `ModelCheckpoint`, else in the trainer's log folder. The run ends
    there, without the validation and the epoch-end checkpoints that ``trainer.should_stop`` would bring (they would
    mark the epoch as done). Put 143 (SIGTERM) or 138 (SIGUSR1) in a scheduler's rule for requeueing: this callback
    takes the place of Lightning's own requeueing under SLURM.

    A validation is broken off after its batch and begins anew when the run is resumed; an evaluation is broken off
    without a report. A second Ctrl-C stops at once, without a checkpoint. Callbacks that change the weights for a
    validation, as `EMA` does, belong before this one.
    """

    def __init__(self) -> None:
        self._signal = self._agreed_on = 0
        self._stopped: SystemExit | None = None
        self._on_interrupt: Any = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Forgets the signals of an earlier run."""
        self._signal = self._agreed_on = 0
        self._stopped = None

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the signals over from Lightning, which gives SIGTERM and SIGUSR1 back to their former owners."""
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
        """Stops all processes in the same batch if one of them was told to."""
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
        """Saves where the run was stopped; the callbacks before this one have put the trained weights back."""
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
        """Gives Ctrl-C back."""
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
        """The signal that any process has received, 0 for none: the same on all."""
        if trainer.world_size == 1:
            return self._signal
        flag = torch.tensor(self._signal, device=trainer.strategy.root_device)
        torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
        return int(flag)


def _exit_code(trainer: Trainer, number: int) -> int:
    """0 in processes that Lightning started itself: it kills the main one, still closing its loggers, at any other."""
    started_by_lightning = trainer.strategy.launcher is not None and trainer.local_rank > 0
    return 0 if started_by_lightning else 128 + number
