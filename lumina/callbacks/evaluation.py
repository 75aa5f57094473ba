"""The report of an evaluation run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from torch import Tensor

from lumina.pictures import save_picture
from lumina.run_folder import run_folder


class EvaluationReport(Callback):
    """Prints the metrics of `lumina test` and writes them as JSON, with a sheet of the first batch's outputs."""

    def __init__(self) -> None:
        """No sheet yet."""
        self._sheet: Path | None = None

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        """A new evaluation."""
        self._sheet = None

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Draws the first batch."""
        if batch_idx == 0 and trainer.is_global_zero:
            self._sheet = save_picture(pl_module.modality.picture(outputs), _folder(trainer) / "samples.png")

    def on_test_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Writes and prints."""
        if not trainer.is_global_zero:
            return
        values = {
            name.removeprefix("test/"): float(v)
            for name, v in trainer.callback_metrics.items()
            if isinstance(v, Tensor)
        }
        path = _folder(trainer) / "metrics.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        report = {"checkpoint": str(trainer.ckpt_path), "metrics": values, "not_computed": pl_module.not_computed}
        path.write_text(json.dumps(report, indent=2) + "\n")
        width = max((len(name) for name in values), default=0)
        print("\n" + "\n".join(f"  {name:<{width}}  {value:.4g}" for name, value in values.items()))
        print(f"\n  samples     {self._sheet}\n  metrics     {path}\n  checkpoint  {trainer.ckpt_path}")


def _folder(trainer: Trainer) -> Path:
    return run_folder(trainer) / "evaluation"
