"""Writes the outputs of `lumina predict`."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from lumina.data.batches import select
from lumina.metrics.not_finite import NotFinite
from lumina.runs import run_folder


class PredictionWriter(Callback):
    """Writes the modality's files to ``predictions/rank_R`` in the run's folder, each with the name of its sample.

    Fillers are left out, and so are samples with NaN or infinity: their numbers are skipped and a warning names them.
    The folder of an earlier prediction is replaced, so old and new files never mix.
    """

    def __init__(self) -> None:
        self._strange = NotFinite()

    def on_predict_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Removes the files of an earlier prediction."""
        self._strange = NotFinite()
        if trainer.is_global_zero and _folder(trainer).is_dir():
            shutil.rmtree(_folder(trainer))
            print(f"replacing the earlier predictions in {_folder(trainer)}")
        trainer.strategy.barrier()

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Writes one batch."""
        samples, asked = select(outputs, batch["real"]), select(batch, batch["real"])
        first, names = self._strange.seen, asked.get("name")
        finite = self._strange.sift(samples, names)
        if finite.any():
            folder = _folder(trainer) / f"rank_{trainer.global_rank}"
            numbers = (finite.nonzero()[:, 0] + first).tolist()
            captions = pl_module.conditioners.words(asked)
            told = {"name": names, "caption": captions}
            texts = [
                {kind: str(values[place]) for kind, values in told.items() if values and values[place]}
                for place in finite.nonzero()[:, 0].tolist()
            ]
            pl_module.modality.save(select(samples, finite), folder, numbers, texts, select(asked, finite))

    def on_predict_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Prints the number and the folder of the predictions, and warns about samples left out."""
        count = self._strange.seen - len(self._strange.names)
        written = int(trainer.strategy.reduce(torch.tensor(count, device=pl_module.device), reduce_op="sum"))
        pl_module.count_not_finite(len(self._strange.names))
        if self._strange.names:
            warnings.warn(self._strange.message("are left out"), stacklevel=2)
        if trainer.is_global_zero:
            corrupt = len(pl_module.data.corrupt.known)
            left_out = f"; {corrupt:,} samples could not be read and have none" if corrupt else ""
            print(f"{written:,} predictions in {_folder(trainer)}{left_out}")


def _folder(trainer: Trainer) -> Path:
    return run_folder(trainer) / "predictions"
