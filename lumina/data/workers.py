"""Loader processes that stand still, die, or are told to stop."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TIMEOUT = 600
"""Seconds without a batch after which a loader process is taken to stand still."""

GRACE = 120
"""Seconds that a loader process goes on serving after SIGTERM."""


@contextmanager
def waiting(seconds: int) -> Iterator[None]:
    """Limits how long the main thread waits for a batch; torch's own limit does not hold while it receives one.

    Raises:
        RuntimeError: as torch's loader words it, for `loader_failures`.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(seconds)
    try:
        yield
    except (ConnectionError, EOFError) as error:  # it died while it handed a batch over
        if "in DataLoader worker process" in str(error):  # no: that is what a sample raised
            raise
        raise RuntimeError(f"DataLoader worker was lost: {error or type(error).__name__}") from error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def loader_failures() -> Iterator[None]:
    """Says in one sentence what became of a loader process.

    Torch raises its RuntimeError wherever the training process happens to be when a loader process dies.

    Raises:
        OSError: in its place.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader" in str(error):
            _end_processes()
        if "DataLoader timed out" in str(error):
            raise OSError(
                f"no batch came from the loader processes for {TIMEOUT} seconds: one stands still, on a disk that does "
                "not answer or a stopped process; look there and resume from the last checkpoint, or set "
                "data.num_workers=0 to see where."
            ) from error
        if "DataLoader worker" in str(error):
            reason = str(error).splitlines()[0].rstrip(". ")
            raise OSError(
                f"a loader process died ({reason}), most often for want of memory: lower data.num_workers or "
                "data.batch_size and resume from the last checkpoint."
            ) from error
        raise


def _give_up(*_: object) -> None:
    raise RuntimeError("DataLoader timed out")


def _end_processes() -> None:
    """Ends what is left of the loader processes: one that stands still would be waited for at exit, for ever."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch would raise again for each of them
    for process in multiprocessing.active_children():
        process.kill()


def outlive_signals(worker: int) -> None:
    """Lets a loader process outlive the signals that go to all processes of a run, which needs it to stop in order.

    Ctrl-C and SIGUSR1 are the trainer's business; SIGTERM, by which torch ends a loader process, acts a little later.
    """
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(GRACE))
