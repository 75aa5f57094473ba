"""A CSV logger for a folder that has a ``metrics.csv`` already.

Remedies, in Lightning 2.6.6: `CSVLogger` deletes the ``metrics.csv`` of the folder that it is pointed to.
"""

from __future__ import annotations

import csv
from pathlib import Path

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter


class AppendingCSVLogger(CSVLogger):
    """Adds rows to the ``metrics.csv`` that there is."""

    @property
    @rank_zero_experiment
    def experiment(self) -> ExperimentWriter:
        """The writer."""
        if self._experiment is None:
            self._experiment = _Writer(self.log_dir)
        return self._experiment  # type: ignore[return-value]  # typed after its base class


class _Writer(ExperimentWriter):
    def _check_log_dir_exists(self) -> None:
        """Takes the columns over, where Lightning deletes the file."""
        path = Path(self.metrics_file_path)
        if path.is_file():
            with path.open(newline="") as file:
                self.metrics_keys = next(csv.reader(file), [])
