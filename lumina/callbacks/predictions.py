"""Writes what `lumina predict` puts out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from lumina.batches import select
from lumina.run_folder import run_folder


class PredictionWriter(Callback):
    """The modality's files, in ``predictions/rank_R`` of the run's folder; fillers are left out.

    The folder is replaced: what an earlier prediction has left, of more processes perhaps, is not mixed with the new.
    """

    def __init__(self) -> None:
        """Nothing written yet."""
        self._written = 0

    def on_predict_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Begins with an empty folder."""
        self._written = 0
        if trainer.is_global_zero and _folder(trainer).is_dir():
            shutil.rmtree(_folder(trainer))
            print(f"the predictions that lay in {_folder(trainer)} are replaced")
        trainer.strategy.barrier()

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Writes one batch."""
        samples = select(outputs, batch["real"])
        pl_module.modality.save(samples, _folder(trainer) / f"rank_{trainer.global_rank}", self._written)
        self._written += len(samples)

    def on_predict_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Says how many there are and where they lie."""
        written = int(trainer.strategy.reduce(torch.tensor(self._written, device=pl_module.device), reduce_op="sum"))
        if trainer.is_global_zero:
            corrupt = len(pl_module.data.corrupt.known)
            left_out = f"; {corrupt:,} samples could not be read and have none" if corrupt else ""
            print(f"{written:,} predictions in {_folder(trainer)}{left_out}")


def _folder(trainer: Trainer) -> Path:
    return run_folder(trainer) / "predictions"
