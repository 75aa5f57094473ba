"""Work on many things in processes that may die: one that does costs the thing it was at."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


class Lost:
    """What becomes of a thing whose process died."""


def outcomes(
    work: Callable[[Thing], Result], things: Iterable[Thing], processes: int
) -> Iterator[tuple[Thing, Result | Lost]]:
    """What work makes of each thing; the first to be ready comes first. An error ends it.

    Processes end with this one, however it ends.

    Args:
        work: a function that can be pickled; so must be the things, what it returns and what it raises.
        things: taken one by one, as a process becomes free.
        processes: that work at once; 0 = all is done in this one.
    """
    if not processes:
        yield from ((thing, work(thing)) for thing in things)
        return
    waiting = iter(things)
    running = dict[Future[Result], tuple[ProcessPoolExecutor, Thing]]()
    pools = [_one_process() for _ in range(processes)]
    try:
        for pool, thing in zip(pools, waiting, strict=False):
            running[pool.submit(work, thing)] = pool, thing
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                pool, thing = running.pop(future)
                outcome = _result(future)
                if isinstance(outcome, Lost):
                    pools.append(pool := _one_process())
                for following in islice(waiting, 1):
                    running[pool.submit(work, following)] = pool, following
                yield thing, outcome
    finally:
        # idle ones are waited for, since Python may stumble over their pipes where it ends before they do
        with ThreadPoolExecutor(len(pools)) as together:
            for pool in pools:
                together.submit(pool.shutdown, wait=not running, cancel_futures=True)


def _one_process() -> ProcessPoolExecutor:
    """A pool of its own for each process: Python gives a pool up, with all that it has to do, when one of its dies."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _end_with_parent)


def _end_with_parent() -> None:
    """A pool's processes would wait for ever for the next task of a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _result(future: Future[Result]) -> Result | Lost:
    try:
        return future.result()
    except BrokenProcessPool:
        return Lost()
