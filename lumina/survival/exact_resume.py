"""Resumes a run from its checkpoint bit for bit.

Fixes faults of Lightning 2.6.6: a checkpoint of an epoch's last batch resumes in the wrong epoch or repeats batches,
depending on earlier resumes. A run that ``max_steps`` or early stopping ended within an epoch saves that epoch as
finished. A checkpoint saved within an accumulation window loses the window's gradients. A validation that was due after
the saved batch is skipped.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn

Tail = Literal["due", "validated", "done"]
"""Work left for a batch after its optimizer step: validation and counting, counting, or nothing."""

_KEY = "tail"
_WINDOW = ("state_dict", "epoch_loop.batch_progress", "epoch_loop.automatic_optimization.optim_progress")
"""Entries of the fit loop's state that change inside an accumulation window."""


class ExactResume(Callback):
    """Saves the progress of the loops in a consistent form and resumes from it.

    A checkpoint counts complete batches. Within an accumulation window it stores the progress at the start of the
    window, so the window is computed again from the same samples and noise. A resumed run first finishes its last
    batch, including validation, and then continues with the next batch or epoch.
    """

    def __init__(self) -> None:
        self._tail: Tail = "done"
        self._window: dict[str, Any] = {}  # progress and data at the start of the accumulation window
        self._resumed = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Replaces Lightning's rules for resuming in the loops."""
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
        """Reads what was left to do of the last batch."""
        if trainer.state.fn == TrainerFn.FITTING:
            progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]
            self._tail = checkpoint["loops"]["fit_loop"]["epoch_loop.state_dict"].get(_KEY, "done")
            self._resumed = progress["processed"] < progress["ready"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Marks the resumed step as saved, or the next batch of an accumulation window would save it again."""
        for callback in trainer.checkpoint_callbacks if trainer.ckpt_path else ():
            if isinstance(callback, ModelCheckpoint):
                callback._last_global_step_saved = trainer.global_step

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Marks the validation after this batch as due."""
        self._tail = "due"

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Records the progress after an optimizer step, where a new accumulation window starts."""
        if not trainer.fit_loop._should_accumulate():
            self._note_window(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Marks the validation as done."""
        if self._tail == "due":
            self._tail = "validated"

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Marks the last batch as finished."""
        self._tail = "done"

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Saves the progress after the last optimizer step."""
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
