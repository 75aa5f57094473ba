"""Loader processes that stand still, die, or are told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from lumina.data.workers import loader_failures, outlive_signals, waiting


class Signalled(Dataset):
    """Sends its process a signal with the item of index 2."""

    def __init__(self, number):
        self.number = number

    def __len__(self):
        return 6

    def __getitem__(self, index):
        if index == 2:
            os.kill(os.getpid(), self.number)
            time.sleep(0.1)
        return index


def loader(number):
    return DataLoader(Signalled(number), num_workers=1, worker_init_fn=outlive_signals)


FAILS = """
import sys
from test_workers import *
from lumina.data.workers import waiting
with loader_failures():
    batches = iter(loader({number}))
    for _ in range(6):
        with waiting(1):
            next(batches)
"""


def fails(number):
    """What a process of its own says of it; torch remembers dead loaders in the one they belonged to."""
    command = [sys.executable, "-c", FAILS.format(number=int(number))]
    run = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120)
    assert run.returncode == 1
    return run.stderr.strip().splitlines()[-1]


def test_dead_process_is_one_sentence():
    said = fails(signal.SIGKILL)
    assert said.startswith("OSError: a loader process died")
    assert "lower data.num_workers" in said


def test_process_that_stands_still_is_one_sentence_and_does_not_hang_the_exit():
    assert "one hangs" in fails(signal.SIGSTOP)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1, signal.SIGTERM])
def test_signal_to_all_processes_does_not_end_the_loaders(number):
    assert torch.cat(list(loader(number))).tolist() == list(range(6))


@pytest.mark.parametrize("error", [EOFError(), ConnectionResetError("reset")])
def test_process_that_dies_while_it_hands_a_batch_over(error):
    with pytest.raises(OSError, match="a loader process died"), loader_failures(), waiting(10):
        raise error


def test_what_a_sample_raises_stays():
    with pytest.raises(EOFError, match="Caught"), loader_failures(), waiting(10):
        raise EOFError("Caught EOFError in DataLoader worker process 0.")


def test_other_errors_stay():
    with pytest.raises(RuntimeError, match="something else"), loader_failures():
        raise RuntimeError("something else")
