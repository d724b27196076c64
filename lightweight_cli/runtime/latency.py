"""Latency as a paired, interleaved ratio: what disturbs the machine disturbs both models."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BUDGET = 1.5
"""Seconds for all rounds."""
TURN = 0.005
"""Seconds a turn of one model takes at least: shorter runs are repeated within it, and the fastest counts."""
SLOWEST = 3.0
"""Seconds of one run beyond which nothing is measured."""
MOST_ROUNDS = 60
MOST_REPEATS = 1000
FEWEST_ROUNDS = 3
WARM_UP = 3


@dataclass(frozen=True)
class Latency:
    """Time of one batch in both models, measured in turns."""

    ratio: float
    """Candidate / reference: median of the paired rounds; above 1 is slower."""
    low: float
    high: float
    """Quartiles of the rounds' ratios."""
    reference_ms: float
    candidate_ms: float
    rounds: int


def measure(reference: InferenceSession, candidate: InferenceSession, feed: dict[str, Any]) -> Latency | str:
    """Time both sessions on the same feed in turns, swapping who goes first.

    Returns: the ratio's median over the rounds and its quartiles; or why it was not measured.
    """
    started = time.perf_counter()
    repeats = 1
    for _ in range(WARM_UP):
        slower = max(_turn(reference, feed, repeats), _turn(candidate, feed, repeats))
        if slower > SLOWEST:
            return f"one run takes {slower:.1f} s"
        repeats = max(1, min(MOST_REPEATS, int(TURN / max(slower, 1e-6))))
    times: list[tuple[float, float]] = []
    while len(times) < FEWEST_ROUNDS or (len(times) < MOST_ROUNDS and time.perf_counter() - started < BUDGET):
        if len(times) % 2:
            after = _turn(candidate, feed, repeats)
            times.append((_turn(reference, feed, repeats), after))
        else:
            before = _turn(reference, feed, repeats)
            times.append((before, _turn(candidate, feed, repeats)))
    low, middle, high = statistics.quantiles([c / r for r, c in times], n=4, method="inclusive")
    return Latency(middle, low, high, 1e3 * statistics.median(r for r, _ in times),
                   1e3 * statistics.median(c for _, c in times), len(times))


def _turn(session: InferenceSession, feed: dict[str, Any], repeats: int) -> float:
    """Return seconds of the fastest of `repeats` runs."""
    fastest = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        session.run(None, feed)
        fastest = min(fastest, time.perf_counter() - started)
    return fastest
