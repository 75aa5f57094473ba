"""Samples while training, always from the same noise and conditions."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, Trainer

from lumina.batches import move, take
from lumina.media import log_samples
from lumina.randomness import Purpose, keyed_generator


class SampleGrid(Callback):
    """Draws a contact sheet at a validation, so that one sees the same samples grow.

    The weights are the averaged ones, where there are any. The conditions are those of the first validation items;
    the noise is fixed.
    """

    def __init__(self, every_n_steps: int = 1000, count: int = 64) -> None:
        """What to draw.

        Args:
            every_n_steps: a sheet is drawn at the first validation, and then at the next one after so many
                optimizer steps.
            count: samples on a sheet.

        Raises:
            ValueError: if either is below 1.
        """
        if every_n_steps < 1 or count < 1:
            raise ValueError(f"SampleGrid: every_n_steps={every_n_steps} and count={count} must be at least 1.")
        self.every_n_steps, self.count = every_n_steps, count
        self._drawn = -every_n_steps

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Draws when it is time; the `EMA` callback has its weights in place here."""
        if trainer.sanity_checking or trainer.global_step - self._drawn < self.every_n_steps:
            return
        self._drawn = trainer.global_step
        precision = trainer.precision_plugin  # callbacks run outside the trainer's precision
        batch = precision.convert_input(move(take(pl_module.data, "validation", self.count), pl_module.device))
        generator = keyed_generator(Purpose.GRID, pl_module.seed, device=pl_module.device)
        with precision.val_step_context():
            samples = pl_module.generate(pl_module.tokens(batch), batch, generator)
        if trainer.is_global_zero:
            log_samples(trainer, "samples", pl_module.modality, samples)

    def state_dict(self) -> dict[str, int]:
        """When the last sheet was drawn."""
        return {"drawn": self._drawn}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Goes on from there."""
        self._drawn = state_dict["drawn"]
