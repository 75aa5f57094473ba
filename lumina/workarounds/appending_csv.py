"""A CSV logger that appends to an existing ``metrics.csv``.

Bug in Lightning 2.6.6: `CSVLogger` deletes an existing ``metrics.csv`` in its folder.
"""

from __future__ import annotations

import csv
from pathlib import Path

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter


class AppendingCSVLogger(CSVLogger):
    """Appends rows to an existing ``metrics.csv``."""

    @property
    @rank_zero_experiment
    def experiment(self) -> ExperimentWriter:
        """The writer of ``metrics.csv``."""
        if self._experiment is None:
            self._experiment = _Writer(self.log_dir)
        return self._experiment  # type: ignore[return-value]  # typed after its base class


class _Writer(ExperimentWriter):
    def _check_log_dir_exists(self) -> None:
        """Reads the columns of an existing file, where Lightning would delete it."""
        path = Path(self.metrics_file_path)
        if path.is_file():
            with path.open(newline="") as file:
                self.metrics_keys = next(csv.reader(file), [])
