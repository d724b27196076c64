"""The time a check has, and what of it each part may use."""

from __future__ import annotations

import math
import time

SEARCH = 0.2
"""Share of the budget by which the search for synthetic inputs ends with what it has."""
REFERENCE = 0.4
"""Share that the original's run is planned to end by: the result's takes as long, and latency and loading are left."""
LATE = 0.45
"""Share at which the original's run ends whatever the plan was."""
END = 0.85
"""Share at which the result's run ends: a result that is slower than the original is seen on less of the data."""
BATCH = 0.04
"""Share that one batch may take; slower ones are cut into single samples."""


class Clock:
    """Seconds since the check began, held against its budget; None: there is no end."""

    def __init__(self, budget: float | None) -> None:
        self.budget = math.inf if budget is None else budget
        self.started, self.used = time.monotonic(), 0.0

    def stop(self) -> None:
        """Note what is used up by now."""
        self.used = time.monotonic() - self.started

    def again(self) -> Clock:
        """Return a clock that goes on from where this one was stopped."""
        other = Clock(self.budget)
        other.started -= self.used
        return other

    def past(self, share: float) -> bool:
        """Whether that share of the budget is used up."""
        return self.left(share) <= 0

    def left(self, share: float = 1.0) -> float:
        """Return the seconds until that share is used up."""
        return self.started + share * self.budget - time.monotonic()
