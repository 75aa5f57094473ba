"""Resumes a run where its checkpoint left it, bit for bit.

Remedies, in Lightning 2.6.6: a checkpoint of an epoch's last batch resumes in the wrong epoch or serves batches twice,
depending on the resumes before it; a run that ``max_steps`` or early stopping ended inside an epoch saves that epoch
as done; a checkpoint saved inside an accumulation window loses the window's gradients; and the validation that was due
after the saved batch is never made up for.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn

Tail = Literal["due", "validated", "done"]
"""What is left to do of a batch after its optimizer step: validation and counting, counting, nothing."""

_KEY = "tail"
_WINDOW = ("state_dict", "epoch_loop.batch_progress", "epoch_loop.automatic_optimization.optim_progress")
"""Entries of the fit loop's state that change inside an accumulation window."""


class ExactResume(Callback):
    """Writes the loops' progress in one form that says what was done, and resumes from that.

    A checkpoint counts whole batches. Inside an accumulation window it says what was true at the window's start: the
    window is computed again, from the same samples and noise. A resumed run first does what was left to do of its last
    batch, validation included, and goes on with the next batch or epoch.
    """

    def __init__(self) -> None:
        """Nothing is left to do."""
        self._tail: Tail = "done"
        self._window: dict[str, Any] = {}  # progress and data at the start of the accumulation window
        self._resumed = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Takes Lightning's own rules of resuming out of the loops."""
        if stage != TrainerFn.FITTING:
            return
        self._tail, self._resumed = "done", False
        trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]  # counts one epoch too many
        loop = trainer.fit_loop.epoch_loop
        start = type(loop).on_run_start.__get__(loop)

        def on_run_start(data_fetcher: Any) -> None:
            start(data_fetcher)
            self._note_window(trainer)
            if self._resumed:
                self._resumed = False
                self._finish_batch(trainer, data_fetcher)

        loop.on_run_start = on_run_start  # type: ignore[method-assign]

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Notes what was left to do."""
        if trainer.state.fn == TrainerFn.FITTING:
            progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]
            self._tail = checkpoint["loops"]["fit_loop"]["epoch_loop.state_dict"].get(_KEY, "done")
            self._resumed = progress["processed"] < progress["ready"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the resumed step as saved: it would be saved again after the next batch of an accumulation window."""
        for callback in trainer.checkpoint_callbacks if trainer.ckpt_path else ():
            if isinstance(callback, ModelCheckpoint):
                callback._last_global_step_saved = trainer.global_step

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Everything is left to do."""
        self._tail = "due"

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """After an optimizer step a window begins."""
        if not trainer.fit_loop._should_accumulate():
            self._note_window(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The validation is done."""
        if self._tail == "due":
            self._tail = "validated"

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The last batch is done with."""
        self._tail = "done"

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Writes the progress as it was after the last optimizer step."""
        if trainer.state.fn != TrainerFn.FITTING:
            return
        loops, tail = checkpoint["loops"]["fit_loop"], self._tail
        if trainer.fit_loop._should_accumulate() and self._window:
            loops.update(deepcopy(self._window))
            tail = "done"
        loops["epoch_loop.state_dict"][_KEY] = tail
        batches = loops["epoch_loop.batch_progress"]
        for count in (batches["total"], batches["current"]):
            count.update(dict.fromkeys(count, count["ready"]))
        if not _epoch_is_over(trainer, batches):
            for count in (loops["epoch_progress"]["total"], loops["epoch_progress"]["current"]):
                count.update(processed=count["ready"] - 1, completed=count["ready"] - 1)
        checkpoint["epoch"] = loops["epoch_progress"]["current"]["completed"]

    def _note_window(self, trainer: Trainer) -> None:
        loops = trainer.fit_loop.state_dict()
        self._window = deepcopy({key: loops[key] for key in _WINDOW})

    def _finish_batch(self, trainer: Trainer, data_fetcher: Any) -> None:
        loop = trainer.fit_loop.epoch_loop
        trainer.fit_loop.restarting = False  # and with it every loop inside
        if self._tail != "done":
            loop._skip_next_val = self._tail == "validated"
            loop.on_advance_end(data_fetcher)
            self._tail = "done"


def _epoch_is_over(trainer: Trainer, batches: dict[str, Any]) -> bool:
    return batches["is_last_batch"] or batches["current"]["ready"] in (0, trainer.num_training_batches)
