"""A run that was killed and resumed ends where one that was never killed ends, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch
from same_state import assert_same
from tiny import QUICKSTART, TINY

STEPS, EVERY = 21, 7  # an epoch has twenty batches
OPTIONS = [
    "--config", str(QUICKSTART), *TINY, f"--trainer.max_steps={STEPS}",
    f"--trainer.callbacks.every_n_train_steps={EVERY}", "--trainer.val_check_interval=5",
    "--trainer.limit_val_batches=1",
    "--data.init_args.eval_batch_size=16",
]  # fmt: skip


def start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "lumina", "fit", *OPTIONS, *more], cwd=folder, env=environment)


def final(folder: Path):
    path = max(folder.rglob("*.ckpt"), key=lambda path: path.stat().st_mtime)
    return torch.load(path, weights_only=True)


def test_killed_and_resumed_is_never_killed(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole).wait(300) == 0

    process = start(killed)
    deadline = time.time() + 300
    while not list(killed.rglob("*step=14*.ckpt")) and time.time() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert start(killed, "--ckpt_path=runs/digits").wait(300) == 0

    expected, resumed = final(whole), final(killed)
    assert expected["global_step"] == resumed["global_step"] == STEPS
    for part in ("state_dict", "ema", "optimizer_states"):
        assert_same(expected[part], resumed[part])
