"""A stopwatch that can be paused."""

from __future__ import annotations

import time


class Stopwatch:
    """Total seconds between calls of `run` and `pause`; starts at zero, paused."""

    def __init__(self) -> None:
        self._spent, self._since = 0.0, None

    _since: float | None

    def run(self) -> None:
        """Starts or resumes; no effect while running."""
        self._since = time.monotonic() if self._since is None else self._since

    def pause(self) -> None:
        """Pauses."""
        self._spent, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        """Total running time so far."""
        return self._spent + (0.0 if self._since is None else time.monotonic() - self._since)
