"""Handles loader processes that hang, die or receive signals."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TIMEOUT = 600
"""Seconds without a batch after which a loader process counts as hung."""

GRACE = 120
"""Seconds for which a loader process keeps serving after SIGTERM."""


@contextmanager
def waiting(seconds: int) -> Iterator[None]:
    """Limits how long the main thread waits for a batch; torch's own timeout does not apply while receiving one.

    Raises:
        RuntimeError: worded like the error of torch's loader, for `loader_failures`.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(seconds)
    try:
        yield
    except (ConnectionError, EOFError) as error:  # it died while sending a batch
        if "in DataLoader worker process" in str(error):  # raised by a sample, not by a lost worker
            raise
        raise RuntimeError(f"DataLoader worker was lost: {error or type(error).__name__}") from error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def loader_failures() -> Iterator[None]:
    """Turns torch's errors about loader processes into one sentence.

    Torch raises its RuntimeError wherever the training process happens to be when a loader process dies.

    Raises:
        OSError: a loader process hangs or died.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader" in str(error):
            _end_processes()
        if "DataLoader timed out" in str(error):
            raise OSError(
                f"no batch came from the loader processes for {TIMEOUT} seconds: one hangs, on a disk that does not "
                "respond or because it was stopped; check this and resume from the last checkpoint, or set "
                "data.num_workers=0 to see where it hangs."
            ) from error
        if "DataLoader worker" in str(error):
            reason = str(error).splitlines()[0].rstrip(". ")
            raise OSError(
                f"a loader process died ({reason}), most often because memory ran out: lower data.num_workers or "
                "data.batch_size and resume from the last checkpoint."
            ) from error
        raise


def _give_up(*_: object) -> None:
    raise RuntimeError("DataLoader timed out")


def _end_processes() -> None:
    """Kills the remaining loader processes; otherwise exit would wait forever for one that hangs."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch would raise again for each of them
    for process in multiprocessing.active_children():
        process.kill()


def outlive_signals(worker: int) -> None:
    """Lets a loader process survive signals sent to all processes of a run, which still needs it to shut down cleanly.

    The trainer handles Ctrl-C and SIGUSR1. SIGTERM, with which torch ends a loader process, acts after `GRACE` seconds.
    """
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(GRACE))
