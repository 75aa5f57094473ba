"""Writes what `lumina predict` puts out."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, Trainer

from lumina.batches import select
from lumina.run_folder import run_folder


class PredictionWriter(Callback):
    """The modality's files, in ``predictions/rank_R`` of the run's folder; fillers are left out."""

    def __init__(self) -> None:
        """Nothing written yet."""
        self._written = 0

    def on_predict_start(self, trainer: Trainer, pl_module: Any) -> None:
        """A new prediction."""
        self._written = 0

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Writes one batch."""
        folder = run_folder(trainer) / "predictions" / f"rank_{trainer.global_rank}"
        samples = select(outputs, batch["real"])
        pl_module.modality.save(samples, folder, self._written)
        self._written += len(samples)

    def on_predict_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Says where they lie."""
        if trainer.is_global_zero:
            print(f"{self._written} predictions of this process in {run_folder(trainer) / 'predictions'}")
