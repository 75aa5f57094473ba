"""Writes what `lumina predict` puts out."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, Trainer

from lumina.batches import select
from lumina.run_folder import run_folder


class PredictionWriter(Callback):
    """One file a sample, in ``predictions/rank_R/batch_N`` of the run's folder; fillers are left out."""

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Writes one batch."""
        folder = run_folder(trainer) / "predictions" / f"rank_{trainer.global_rank}" / f"batch_{batch_idx:05d}"
        pl_module.modality.save(select(outputs, batch["real"]), folder)

    def on_predict_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Says where they lie."""
        if trainer.is_global_zero:
            print(f"predictions: {run_folder(trainer) / 'predictions'}")
