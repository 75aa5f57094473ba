"""Two processes on one machine: DDP and FSDP2 train the same weights as each other."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from tiny import QUICKSTART, TINY

SHARDED = QUICKSTART.parents[1] / "base/fsdp2.yaml"
STRATEGIES = {"ddp": ["--trainer.strategy=ddp", "--trainer.devices=2"], "fsdp2": ["--config", str(SHARDED)]}


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
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lumina", "fit", "--config", str(QUICKSTART), *options]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=400)
    assert run.returncode == 0, run.stderr[-3000:]
    return torch.load(next(folder.rglob("last.ckpt")), weights_only=True), folder


@pytest.mark.slow
def test_ddp_and_fsdp2_agree(tmp_path, run_in):
    ddp, _ = fit(tmp_path / "ddp", "ddp")
    sharded, folder = fit(tmp_path / "fsdp2", "fsdp2")
    assert ddp["global_step"] == sharded["global_step"] == 6
    for weights, others in (
        (ddp["state_dict"], sharded["state_dict"]),
        (ddp["ema"]["weights"], sharded["ema"]["weights"]),
    ):
        assert weights.keys() == others.keys()
        for name, weight in weights.items():
            torch.testing.assert_close(others[name], weight, atol=2e-4, rtol=1e-3)
    run_in("sample", "--ckpt_path", folder / "runs/digits", "--count=2", "--steps=1", "--output", tmp_path / "samples")
    assert (tmp_path / "samples/00001.png").is_file()
