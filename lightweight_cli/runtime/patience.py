"""How long a process may stay without a sign of life: by its own processor time, so that a busy machine does not end it."""

from __future__ import annotations

import contextlib
import subprocess
import time

LAZIEST = 5
"""Times the limit by the clock after which a process is given up that hardly computes: it waits for something, or is not let run."""


class Patience:
    """With a process, since its last sign of life."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.renew()

    def renew(self) -> None:
        """Take note of a sign of life."""
        self.clock, self.processor = time.monotonic(), processor_time(self.pid)

    def left(self, limit: float) -> float:
        """Return the seconds after which to look again; 0: it has had its `limit`."""
        passed = time.monotonic() - self.clock
        if passed < limit:
            return limit - passed
        now = processor_time(self.pid)
        if now is None or self.processor is None:
            return 0.0
        return max(0.0, min(limit - (now - self.processor), LAZIEST * limit - passed))


def processor_time(pid: int) -> float | None:
    """Return the seconds of processor time of a process; None: the system does not say."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # Linux: the clock of all threads of a process
    except (AttributeError, OSError):
        return None


def communicate(child: subprocess.Popen[bytes], limit: float) -> bytes | None:
    """Return all that a process says until it ends; None: it has had its `limit`."""
    patience = Patience(child.pid)
    while left := patience.left(limit):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.communicate(timeout=left)[0]
    return None
