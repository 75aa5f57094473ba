"""Time that is spent on training alone."""

from __future__ import annotations

import time


class Stopwatch:
    """Seconds between `run` and `pause`, summed up."""

    def __init__(self) -> None:
        """At zero, standing."""
        self._spent, self._since = 0.0, None

    _since: float | None

    def run(self) -> None:
        """Runs, if it does not already."""
        self._since = time.monotonic() if self._since is None else self._since

    def pause(self) -> None:
        """Stands."""
        self._spent, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        """So far."""
        return self._spent + (0.0 if self._since is None else time.monotonic() - self._since)
