"""Progress of a run: a bar in a terminal, occasional lines in a file."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from torch import Tensor
from tqdm import tqdm

from lumina.callbacks.stopwatch import Stopwatch

REFRESH = 0.2  # seconds between updates of the bar in a terminal
LINES = 10.0  # least seconds between lines in a file
SHARE = 0.01  # least time between lines in a file, as a share of the elapsed time
DECAY = 0.98  # of the moving average of the loss, per step


class Progress(ProgressBar):
    """Shows the step, the moving average of the loss, samples per second and the remaining time.

    A terminal shows one bar that is redrawn. Elsewhere (a file, a pipe, a notebook) a line is printed every ten
    seconds, or after every hundredth of the elapsed time in long runs.
    """

    def __init__(self) -> None:
        super().__init__()
        self._enabled, self._bar = True, None
        self._begun = self._next = time.monotonic()
        self._watch = Stopwatch()

    _bar: tqdm[Any] | None

    def disable(self) -> None:
        """Disables the output; Lightning calls this in all processes except the first."""
        self._enabled = False

    def enable(self) -> None:
        """Enables the output."""
        self._enabled = True

    def print(self, *args: Any, sep: str = " ", **kwargs: Any) -> None:
        """Prints above the bar."""
        if self._enabled:
            tqdm.write(sep.join(map(str, args)), file=sys.stderr)

    def show(self, what: str, done: int, total: float, detail: str = "", last: bool = False) -> None:
        """Shows the progress of a task if enough time has passed since the last update.

        Args:
            what: the unit or task, such as "step".
            done: number of finished units.
            total: total number of units; infinity = unknown.
            detail: more text.
            last: show it regardless of the time.
        """
        now = time.monotonic()
        if not self._enabled or (now < self._next and not last):
            return
        bounded = math.isfinite(total)
        text = f"{what} {done}/{int(total)}" if bounded else f"{what} {done}"
        text = ", ".join(part for part in (text, detail) if part)
        if _terminal():
            self._next = now + REFRESH
            self._draw(text, done, int(total) if bounded else None)
        else:
            self._next = now + max(LINES, SHARE * (now - self._begun))
            print(text, file=sys.stderr, flush=True)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Starts the clock of the run."""
        super().setup(trainer, pl_module, stage)
        self._begun = self._next = time.monotonic()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leaves the terminal as it was."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leaves the terminal as it was."""
        self._close()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts from the step that is resumed."""
        self._first, self._total = trainer.global_step, trainer.estimated_stepping_batches
        self._samples, self._losses, self._weight = 0, None, 0.0
        self._watch = Stopwatch()
        self._watch.run()

    _losses: Tensor | None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Shows step, loss, speed and the time that is left."""
        self._samples += outputs["samples"] * trainer.world_size
        loss = outputs["loss"].detach() * trainer.accumulate_grad_batches  # Lightning hands out the batch's share
        self._losses = loss.clone() if self._losses is None else self._losses * DECAY + loss
        self._weight = self._weight * DECAY + 1
        if self._enabled and time.monotonic() >= self._next:
            self.show("step", trainer.global_step, self._total, self._detail(trainer.global_step))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Shows the final step."""
        self.show("step", trainer.global_step, self._total, self._detail(trainer.global_step), last=True)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Pauses the stopwatch."""
        self._watch.pause()

    def on_validation_batch_end(self, trainer: Trainer, pl_module: LightningModule, *arguments: Any) -> None:
        """Shows the number of processed batches."""
        what = "sanity check" if trainer.sanity_checking else "validation"
        batches = trainer.num_sanity_val_batches if trainer.sanity_checking else trainer.num_val_batches
        self.show(self._within(trainer, what), arguments[2] + 1, sum(batches))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Prints the results of validation on a separate line."""
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        if results := _results(trainer.callback_metrics):
            self.print(f"step {trainer.global_step}: {results}")
        if self._bar is not None:
            self._bar.clear()
        self._watch.run()

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *arguments: Any) -> None:
        """Shows the number of processed batches."""
        self.show("test", arguments[2] + 1, sum(trainer.num_test_batches))

    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, *arguments: Any) -> None:
        """Shows the number of processed batches."""
        self.show("predict", arguments[2] + 1, sum(trainer.num_predict_batches))

    def drawing(self, trainer: Trainer, done: int, total: int) -> None:
        """Shows the progress of sampling."""
        self.show(self._within(trainer, "drawing samples"), done, total, last=_terminal())

    def _within(self, trainer: Trainer, what: str) -> str:
        fitting = trainer.state.fn == "fit" and not trainer.sanity_checking
        return f"step {trainer.global_step}: {what}" if fitting else what

    def _detail(self, step: int) -> str:
        if self._losses is None:
            return ""
        seconds, steps = max(self._watch.seconds, 1e-9), step - self._first
        loss = float(self._losses) / self._weight
        if not math.isfinite(loss):  # restart the average after a bad batch
            self._losses, self._weight = None, 0.0
        left = (self._total - step) * seconds / steps if steps else math.inf
        parts = [f"loss {loss:.4g}", f"{self._samples / seconds:,.4g} samples/s"]
        if math.isfinite(left):
            parts.append(f"{_clock(left)} left" if left else f"took {_clock(seconds)}")
        return ", ".join(parts)

    def _draw(self, text: str, done: int, total: int | None) -> None:
        if self._bar is None:
            form = "{bar:16} {desc}"
            self._bar = tqdm(total=total, bar_format=form, dynamic_ncols=True, leave=True, file=sys.stderr)
        self._bar.total, self._bar.n = total, done
        self._bar.set_description_str(text)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _terminal() -> bool:
    """Whether standard error is a terminal, where a line can be redrawn."""
    return sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).columns > 0


def _results(metrics: Mapping[str, Tensor]) -> str:
    values = {name: value for name, value in metrics.items() if name.startswith("validation/")}
    return ", ".join(f"{name} {float(value):.4g}" for name, value in values.items())


def _clock(seconds: float) -> str:
    """Formats a duration as ``4:39``, ``2:04:39`` or ``3 d 2:04:39``."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if not hours:
        return f"{minute}:{second:02}"
    days, hour = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hour}:{minute:02}:{second:02}"
