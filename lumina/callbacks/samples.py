"""Samples while training, always from the same noise and conditions."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, Trainer

from lumina.batches import move, take
from lumina.media import log_picture
from lumina.randomness import keyed_generator


class SampleGrid(Callback):
    """Every few steps draws a contact sheet, so that one sees the same samples grow.

    The conditions are those of the first validation items; the noise is fixed.
    """

    def __init__(self, every_n_steps: int = 1000, count: int = 64) -> None:
        """What to draw.

        Args:
            every_n_steps: optimizer steps between two sheets; the last step draws one too.
            count: samples on a sheet.

        Raises:
            ValueError: if either is below 1.
        """
        if every_n_steps < 1 or count < 1:
            raise ValueError(f"SampleGrid: every_n_steps={every_n_steps} and count={count} must be at least 1.")
        self.every_n_steps, self.count = every_n_steps, count
        self._drawn = -1

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Draws when it is time."""
        step = trainer.global_step
        if step % self.every_n_steps == 0 and step != self._drawn:
            self._draw(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Draws once more."""
        if trainer.global_step != self._drawn:
            self._draw(trainer, pl_module)

    def _draw(self, trainer: Trainer, module: Any) -> None:
        self._drawn = trainer.global_step
        batch = move(take(trainer.datamodule, "validation", self.count), module.device)
        module.eval()
        samples = module.generate(module.tokens(batch), batch, keyed_generator(module.seed, 4, device=module.device))
        module.train()
        if trainer.is_global_zero:
            log_picture(trainer, "samples", module.modality.picture(samples))
