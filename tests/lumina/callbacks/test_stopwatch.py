"""Seconds of training alone, on a clock that the test turns."""

import pytest

from lumina.callbacks import stopwatch


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(stopwatch.time, "monotonic", lambda: now[0])
    return now


def test_only_what_runs_counts(clock):
    watch = stopwatch.Stopwatch()
    assert watch.seconds == 0
    watch.run()
    clock[0] += 3
    assert watch.seconds == 3
    watch.pause()
    clock[0] += 50
    assert watch.seconds == 3
    watch.run()
    clock[0] += 2
    assert watch.seconds == 5


def test_started_or_paused_twice_is_once(clock):
    watch = stopwatch.Stopwatch()
    watch.pause()
    watch.run()
    clock[0] += 3
    watch.run()
    clock[0] += 4
    watch.pause()
    watch.pause()
    assert watch.seconds == 7
