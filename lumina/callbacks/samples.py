"""Sample sheets during training, always from the same noise and conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from lumina.callbacks.ema import EMA
from lumina.callbacks.progress import Progress
from lumina.data.batches import move, of_rows, rows, take
from lumina.generation.description import describe
from lumina.generation.drawing import draw_part, parts
from lumina.generation.requests import Request
from lumina.generation.what import What
from lumina.module import LuminaModule
from lumina.randomness import Purpose, keyed_generator
from lumina.reports.media import log_samples
from lumina.runs import run_folder
from lumina.values import Batch

Drawn = tuple[Sequence[int], list[Any], list[str], Batch]
"""Places of samples on the sheet, the samples, their captions, and fields that are read beside them."""


class SampleGrid(Callback):
    """Draws a contact sheet of the same samples at validations and at the end of training.

    It uses averaged weights if there are any. The conditions are those of ``wishes`` or ``prompts``, or those of
    validation items spread over the split; the noise is fixed. The prompt or class is written below each sample.

    Args:
        every_n_steps: a sheet is drawn at the first validation, and then at the next one after so many
            optimizer steps.
        count: samples on a sheet, where nothing is asked for; no more than validation has items.
        wishes: what is asked for, by the names of the options of `lumina sample`: ``{prompt: [a cat, a dog]}``, say.
        prompts: a file of what is asked for, as `lumina sample` takes it.
        name: of the folder of the sheets and of their group on dashboards; another for each of several grids.

    Raises:
        ValueError: if a number is below 1.
    """

    def __init__(
        self,
        every_n_steps: int = 1000,
        count: int = 64,
        wishes: dict[str, Any] | None = None,
        prompts: Path | None = None,
        name: str = "samples",
    ) -> None:
        if every_n_steps < 1 or count < 1:
            raise ValueError(f"SampleGrid: every_n_steps={every_n_steps} and count={count} must be at least 1.")
        self.every_n_steps, self.count, self.name = every_n_steps, count, name
        self._what = What(prompts=prompts, **(wishes or {}))
        self._asked = bool(prompts or wishes)
        self._requests: list[Request] = []
        self._drawn = -every_n_steps

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Reads what is asked for, before step 0.

        Raises:
            ValueError: for what the model does not know, or lacks.
        """
        if self._asked and not isinstance(pl_module, LuminaModule):
            raise ValueError(
                f"SampleGrid: a {type(pl_module).__name__} is asked for nothing; leave out wishes and prompts."
            )
        if self._asked:
            self._requests = self._what.requests(pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: Any) -> None:
        """As `on_fit_start`, for `lumina validate`."""
        if not self._requests:
            self.on_fit_start(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Draws if a sheet is due, and always in `lumina validate`; the `EMA` weights are swapped in here."""
        due = trainer.global_step - self._drawn >= self.every_n_steps or trainer.state.fn == TrainerFn.VALIDATING
        if due and not trainer.sanity_checking:
            self._draw(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Draws the final samples, with averaged weights if there are any."""
        if self._drawn == trainer.global_step or not trainer.global_step:
            return
        averages = [callback for callback in trainer.callbacks if isinstance(callback, EMA)]  # type: ignore[attr-defined]
        pl_module.eval()
        for average in averages:
            average.on_validation_start(trainer, pl_module)
        self._draw(trainer, pl_module)
        for average in averages:
            average.on_validation_end(trainer, pl_module)
        pl_module.train()

    @property
    def state_key(self) -> str:
        """Distinguishes several grids in a checkpoint."""
        return self._generate_state_key(name=self.name)

    def state_dict(self) -> dict[str, int]:
        """The step of the last sheet."""
        return {"drawn": self._drawn}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Restores the step of the last sheet."""
        self._drawn = state_dict["drawn"]

    def _draw(self, trainer: Trainer, pl_module: Any) -> None:
        """Draws in parts, so a large sheet needs no more memory than a validation batch."""
        self._drawn = trainer.global_step
        samples: dict[int, Any] = {}
        captions: dict[int, str] = {}
        kept: dict[int, Batch] = {}
        bar = trainer.progress_bar_callback
        total = len(self._requests) or min(self.count, len(pl_module.data.samples("validation")))
        for places, drawn, words, fields in (self._asked_for if self._requests else self._items)(trainer, pl_module):
            samples |= zip(places, drawn, strict=True)
            captions |= zip(places, words, strict=False)
            kept |= zip(places, rows(fields, range(len(drawn))), strict=True)
            if isinstance(bar, Progress):
                bar.drawing(trainer, len(samples), total)
        if trainer.is_global_zero:
            file = run_folder(trainer) / self.name / f"step_{trainer.global_step:07d}.png"
            shown = [samples[index] for index in range(total)]
            words = [captions[index] for index in range(total)] if captions else []
            batch = of_rows([kept[index] for index in range(total)])
            log_samples(trainer, self.name, pl_module, shown, words, file, batch)

    def _asked_for(self, trainer: Trainer, pl_module: Any) -> Iterator[Drawn]:
        """What is asked for, a part at a time."""
        for part in parts(pl_module, self._requests, pl_module.data.eval_batch_size):
            with trainer.precision_plugin.val_step_context():  # callbacks run outside the trainer's precision
                drawn = draw_part(pl_module, part)
            words = [", ".join(describe(pl_module, request).words) for request in part.requests]
            yield part.places, drawn, words, part.fields

    def _items(self, trainer: Trainer, pl_module: Any) -> Iterator[Drawn]:
        """Those under the conditions of validation items, a batch at a time."""
        size, available = pl_module.data.eval_batch_size, len(pl_module.data.samples("validation"))
        count = min(self.count, available)
        indices = [number * available // count for number in range(count)]
        for first in range(0, count, size):
            batch = move(take(pl_module.data, "validation", indices[first : first + size]), pl_module.device)
            batch = trainer.precision_plugin.convert_input(batch)
            generator = keyed_generator(Purpose.GRID, pl_module.seed, first, device=pl_module.device)
            with trainer.precision_plugin.val_step_context():
                drawn = pl_module.draw(batch, generator)
            places, samples = range(first, first + len(drawn)), [move(sample, torch.device("cpu")) for sample in drawn]
            yield places, samples, pl_module.words(batch), pl_module.kept(batch)
