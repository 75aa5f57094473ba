"""The report of an evaluation run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from lumina.data.batches import move, of_rows, rows, select
from lumina.data.census import counted
from lumina.files.atomic import replace_folder
from lumina.files.folders import free_folder
from lumina.reports.media import log_samples
from lumina.runs import run_folder
from lumina.values import Batch

ON_SHEET = 64
"""Approximate number of samples on the sheet."""


class EvaluationReport(Callback):
    """Prints the metrics of `lumina test` and writes them as JSON, with a sheet of outputs spread over the data.

    An earlier evaluation of the run keeps its files in a folder beside, ``evaluation_1`` and so on.
    """

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Resets the counters and moves an earlier evaluation aside."""
        self._samples: list[Any] = []
        self._captions: list[str] = []
        self._kept: list[Batch] = []
        self._counted = 0
        if trainer.is_global_zero and _report(trainer).exists():
            folder = _report(trainer).parent
            earlier = free_folder(folder)
            replace_folder(folder, earlier)
            print(f"The run's earlier evaluation is now in {earlier}.")

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Selects a few samples of the batch for the sheet; outputs and samples contain no fillers."""
        self._counted += len(outputs)
        if trainer.is_global_zero and len(outputs):
            real = select(batch, batch["real"])
            captions = pl_module.words(real)
            share = min(_share(trainer), len(outputs))
            chosen = [number * len(outputs) // share for number in range(share)]
            self._samples += [move(outputs[index], torch.device("cpu")) for index in chosen]
            self._captions += [captions[index] for index in chosen if captions]
            self._kept += rows(pl_module.kept(real), chosen)

    def on_test_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Writes the report and the sheet, and prints the metrics."""
        total = int(trainer.strategy.reduce(torch.tensor(self._counted, device=pl_module.device), reduce_op="sum"))
        if not trainer.is_global_zero:
            return
        metrics = {name: value for name, value in trainer.callback_metrics.items() if isinstance(value, Tensor)}
        values = {name.removeprefix("test/"): float(value) for name, value in metrics.items()}
        whole: dict[str, Any] = {"checkpoint": str(trainer.ckpt_path), "step": trainer.global_step, "samples": total}
        _report(trainer).parent.mkdir(parents=True, exist_ok=True)
        whole |= {"metrics": values, "not_computed": pl_module.not_computed}
        _report(trainer).write_text(json.dumps(whole, indent=2) + "\n")
        width = max((len(name) for name in values), default=0)
        print("\n" + "\n".join(f"  {name:<{width}}  {value:.4g}" for name, value in values.items()))
        if self._samples:
            file = _sheet(trainer)
            log_samples(trainer, "test", pl_module, self._samples, self._captions, file, of_rows(self._kept))
            print(f"\n  sheet       {file}", end="")
        print(f"\n  metrics     {_report(trainer)}, of {counted(total, 'sample')}{_left_out(pl_module.data)}")
        if not values:
            print("              none was computed: the run has no metrics, add an experiment that has by --config")
        print(f"  checkpoint  {trainer.ckpt_path}, step {trainer.global_step}")


def _share(trainer: Trainer) -> int:
    """Samples of a batch that go to the sheet, so that all batches together fill it."""
    batches = sum(trainer.num_test_batches)
    return max(1, math.ceil(ON_SHEET / batches)) if math.isfinite(batches) else 1


def _left_out(data: Any) -> str:
    corrupt = len(data.corrupt.known)
    return f"; {corrupt:,} could not be read" if corrupt else ""


def _report(trainer: Trainer) -> Path:
    return run_folder(trainer) / "evaluation" / "metrics.json"


def _sheet(trainer: Trainer) -> Path:
    return run_folder(trainer) / "evaluation" / "samples.png"
