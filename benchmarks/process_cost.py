"""CPU time and peak memory of whole processes, run in turns. Standard library only.

The peak that the kernel reports for a child starts at its parent's size, so the measuring process stays small.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

KIB_PER_MIB = 1024


@dataclass(frozen=True)
class Cost:
    """One process: seconds of CPU (user + system) and of wall clock, peak resident MiB, exit status."""

    cpu: float
    wall: float
    peak: float
    status: int
    error: str = ""

    def as_row(self) -> dict[str, float | int | str]:
        """Plain values for JSON."""
        return asdict(self)


def measure(command: Sequence[str]) -> Cost:
    """Run a command to its end, output discarded.

    Returns: its cost, children included; `error` holds the last line of stderr when the status is not 0.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stderr is not None
    words = process.stderr.read().decode(errors="replace").strip().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    failed = process.returncode != 0
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / KIB_PER_MIB, process.returncode,
                words[-1][:200] if failed and words else "")  # fmt: skip


def interleave(commands: Mapping[str, Sequence[str]], rounds: int, clean: Callable[[], None]) -> dict[str, list[Cost]]:
    """Run each command once a round, in an order that alternates between rounds.

    Returns: costs by command name; the k-th of each is from round k.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds):
        names = list(commands)[:: 1 if number % 2 == 0 else -1]
        for name in names:
            costs[name].append(measure(commands[name]))
            clean()
    return costs


def median(costs: list[Cost], quantity: str) -> float:
    """The middle value of `cpu`, `wall` or `peak`."""
    return statistics.median(getattr(cost, quantity) for cost in costs)


def median_ratio(ours: list[Cost], theirs: list[Cost]) -> float:
    """The middle of the per-round ratios of CPU time."""
    return statistics.median(a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True))
