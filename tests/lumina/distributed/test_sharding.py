"""Two processes on one machine: DDP and FSDP2 train the same weights as each other, and as one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from csv import DictReader

import pytest
import torch
from tiny import QUICKSTART, TINY

SHARDED = QUICKSTART.parents[1] / "base/fsdp2.yaml"
ONE = ["--trainer.devices=1", "--data.init_args.batch_size=128"]
STRATEGIES = {"one": ONE, "ddp": ["--trainer.strategy=ddp", "--trainer.devices=2"], "fsdp2": ["--config", str(SHARDED)]}


def fit(folder, strategy):
    folder.mkdir()
    options = [
        *STRATEGIES[strategy],
        *TINY,
        "--trainer.max_steps=6",
        "--trainer.callbacks.every_n_train_steps=3",
        "--trainer.val_check_interval=3",
        "--data.init_args.eval_batch_size=128",
        "--trainer.limit_val_batches=1",
        "--trainer.log_every_n_steps=2",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lumina", "fit", "--config", str(QUICKSTART), *options]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=400)
    assert run.returncode == 0, run.stderr[-3000:]
    return torch.load(next(folder.rglob("last.ckpt")), weights_only=True), folder


@pytest.mark.slow
def test_ddp_and_fsdp2_agree(tmp_path, run_in):
    ddp, _ = fit(tmp_path / "ddp", "ddp")
    one, _ = fit(tmp_path / "one", "one")
    sharded, folder = fit(tmp_path / "fsdp2", "fsdp2")
    assert ddp["global_step"] == sharded["global_step"] == 6
    for name, weight in one["state_dict"].items():
        torch.testing.assert_close(ddp["state_dict"][name], weight, atol=2e-4, rtol=1e-3)
    assert logged(tmp_path / "ddp") == pytest.approx(logged(tmp_path / "one"), rel=1e-3)  # not rank 0's own
    for weights, others in (
        (ddp["state_dict"], sharded["state_dict"]),
        (ddp["ema"]["weights"], sharded["ema"]["weights"]),
    ):
        assert weights.keys() == others.keys()
        for name, weight in weights.items():
            torch.testing.assert_close(others[name], weight, atol=2e-4, rtol=1e-3)
    run_in("sample", "--ckpt_path", folder / "runs/digits", "--count=2", "--steps=1", "--output", tmp_path / "samples")
    assert (tmp_path / "samples/00001.png").is_file()


def logged(folder):
    rows = list(DictReader(next(folder.rglob("metrics.csv")).open()))
    return [float(row[name]) for row in rows for name in ("train/loss", "train/grad_norm") if row.get(name)]


@pytest.mark.slow
def test_metrics_do_not_depend_on_the_number_of_processes(tiny_points):
    found = []
    for options in (
        ["--data.init_args.eval_batch_size=7"],
        ["--data.init_args.eval_batch_size=50"],
        ["--data.init_args.eval_batch_size=2", "--trainer.devices=2", "--trainer.strategy=ddp"],
    ):
        command = [sys.executable, "-m", "lumina", "test", "--ckpt_path", "runs/furniture/version_0", *options]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        run = subprocess.run(command, cwd=tiny_points, env=environment, capture_output=True, text=True, timeout=400)
        assert run.returncode == 0, run.stderr[-3000:]
        report = json.loads((tiny_points / "runs/furniture/version_0/evaluation/metrics.json").read_text())
        found.append(report["metrics"])
    assert len(found[0]) > 5
    assert found[1] == pytest.approx(found[0], rel=1e-5) and found[2] == pytest.approx(found[0], rel=1e-5)
