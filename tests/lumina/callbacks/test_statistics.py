from __future__ import annotations

import csv
from types import SimpleNamespace

import pytest
from tiny import QUICKSTART, TINY

from lumina.module import LuminaModule


def test_speed_is_of_training_alone(run_in, tmp_path, monkeypatch):
    """By this clock the batches of a window of two take 1 and 3 seconds, and a validation batch a hundred."""
    now = [0.0]
    for name, seconds in (("training_step", [1.0, 3.0]), ("validation_step", [100.0, 100.0])):
        own = getattr(LuminaModule, name)

        def timed(self, *arguments, own=own, seconds=seconds):
            now[0] += seconds[arguments[1] % 2]
            return own(self, *arguments)

        monkeypatch.setattr(LuminaModule, name, timed)
    monkeypatch.setattr("lumina.callbacks.stopwatch.time", SimpleNamespace(monotonic=lambda: now[0]))
    steps = ["--trainer.max_steps=4", "--trainer.val_check_interval=1", "--trainer.log_every_n_steps=2"]
    window = ["--trainer.accumulate_grad_batches=2", "--model.optimizer.init_args.lr=0.25"]
    run_in("fit", "--config", QUICKSTART, *TINY, *steps, *window)
    with (tmp_path / "runs/digits/version_0/metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["train/loss"]]
    assert [int(row["step"]) for row in rows] == [1, 3]
    assert [float(row["train/samples_per_second"]) for row in rows] == pytest.approx([32, 32])
    assert [float(row["train/tokens_per_second"]) for row in rows] == pytest.approx([32 * 16] * 2)
    assert [float(row["train/learning_rate"]) for row in rows] == [0.25, 0.25]
