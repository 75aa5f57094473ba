from __future__ import annotations

import fcntl
import os
import re
import shutil
import struct
import sys
import termios
from contextlib import suppress
from csv import DictReader

import pytest
from tiny import QUICKSTART, TINY

from lumina.callbacks.progress import Progress, _clock
from lumina.cli import main

BARE = [option for option in TINY if "progress" not in option]


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "0:00"), (279, "4:39"), (7479, "2:04:39"), (3 * 86400 + 7479, "3 d 2:04:39")]
)
def test_times_as_people_write_them(seconds, told):
    assert _clock(seconds) == told


def test_a_resumed_run_in_a_file(tiny_run, tmp_path, monkeypatch, capsys):
    """Plain lines: steps of all steps, from the step that is resumed, and what validation found."""
    shutil.copytree(tiny_run.parents[1], tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    steps = ["--trainer.max_steps=9", "--trainer.val_check_interval=3"]
    main(["fit", "--config", str(QUICKSTART), *BARE, *steps, "--ckpt_path", "runs/digits"])
    told = capsys.readouterr()
    lines = [line for line in told.err.splitlines() if line.startswith("step")]
    assert re.fullmatch(r"step 7/9, loss \S+, \S+ samples/s, 0:\d\d left", lines[0])
    assert re.fullmatch(r"step 9: validation/loss \S+", lines[1])
    assert re.fullmatch(r"step 9/9, loss \S+, \S+ samples/s, took 0:\d\d", lines[2])
    assert not set("\r\x1b") & set(told.err) and "Epoch" not in told.err
    assert "run runs/digits/version_1: settings" in told.out
    assert re.search(r"checkpoint +runs/digits/version_1/checkpoints/\S+\.ckpt\n", told.out)
    assert "samples     runs/digits/version_1/samples" in told.out


def test_loss_is_that_of_a_batch_where_gradients_are_accumulated(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    steps = ["--trainer.max_steps=1", "--trainer.accumulate_grad_batches=4", "--trainer.log_every_n_steps=1"]
    main(["fit", "--config", str(QUICKSTART), *BARE, *steps])
    shown = float(re.search(r"step 1/1, loss ([0-9.]+)", capsys.readouterr().err)[1])
    logged = [float(row["train/loss"]) for row in DictReader(next(tmp_path.rglob("metrics.csv")).open())]
    assert shown == pytest.approx(logged[0], rel=0.2)


def test_another_bar_takes_its_place(tiny_run, monkeypatch, capsys):
    monkeypatch.chdir(tiny_run.parents[2])
    bar = [
        "--trainer.enable_progress_bar=true",
        "--trainer.callbacks+=TQDMProgressBar",
        "--trainer.limit_val_batches=1",
    ]
    main(["validate", "--ckpt_path", "runs/digits", *bar])
    told = capsys.readouterr()
    assert "Validation" in told.out and "validation 1/1" not in told.err


def read_to_end(reader):
    """What was written to a terminal that is closed by now; it comes in pieces."""
    parts = []
    with suppress(OSError), os.fdopen(reader, "rb", buffering=0) as terminal:
        while part := terminal.read(10_000):
            parts.append(part)
    return b"".join(parts).decode()


def test_a_terminal_has_one_line_that_is_drawn_over(monkeypatch):
    reader, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr("lumina.callbacks.progress.REFRESH", 60.0)
        bar = Progress()
        bar.show("step", 1, 20, "loss 1.5")
        bar.show("step", 2, 20)  # too soon after the other
        bar.show("step", 10, 20, "loss 1.2", last=True)
        bar._close()
    drawn = read_to_end(reader)
    assert "step 1/20, loss 1.5" in drawn and "step 2/20" not in drawn
    assert "\r████████         step 10/20, loss 1.2" in drawn
    assert drawn.count("\n") == 1
