"""The time of a search: it ends with the best so far, not with an error."""

from __future__ import annotations

import time

LEAST, EACH = 300.0, 20.0
"""Seconds where nothing is said: and so many more for each million weights. Six candidates took 4 s (80 thousand weights) to 220 s
(22 million) of processor time."""

EXPLORING = 0.5
"""Share of the limit after which no more weights are tried alone: the rest is for candidates. Where the model is not slow, they take a
tenth."""


class TimeOver(Exception):
    """The time is over, and there is something to keep."""


class Clock:
    """Seconds since the search began, held against its limit."""

    def __init__(self, limit: float | None, weights: int) -> None:
        self.limit = LEAST + EACH * weights / 1e6 if limit is None else limit
        self.started = time.monotonic()
        self.mark = self.started

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.started + self.limit - time.monotonic()

    def past(self, share: float) -> bool:
        """Whether that share of the time is over."""
        return self.left < (1 - share) * self.limit

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        before, self.mark = self.mark, time.monotonic()
        return self.mark - before
