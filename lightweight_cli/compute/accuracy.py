"""Layers that cost too much go back to floats: what each costs alone, and the fewest that must go for the outputs to hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lightweight_cli.compute.layer import Key
from lightweight_cli.compute.trial import Measured, Trials

FLOOR = 20.0
"""dB of the worst output that is kept where no gate says more: an error of a hundredth of its power."""
TELLING, CHOOSING = 20.0, 300.0
"""Seconds for finding what each layer costs: to tell it, and where some must go back; layers whose turn does not come count as those
that cost nothing."""


class Kept(NamedTuple):
    """What is left of the decisions, what each layer costs alone in dB, and the dB of the whole."""

    decisions: dict[Key, str]
    costs: dict[Key, float]
    sqnr: float | None


def costs(trials: Trials, decisions: Mapping[Key, str], tell: Callable[[int, int], None], seconds: float = CHOOSING) -> dict[Key, float]:
    """Return the dB of the worst output with each layer alone in integers."""
    found: dict[Key, float] = {}
    until = time.monotonic() + seconds
    for done, (key, form) in enumerate(decisions.items()):
        if time.monotonic() > until:
            break
        tell(done, len(decisions))
        sqnr = trials.alone(key, form)
        if sqnr is not None:
            found[key] = sqnr
    return found


def holds(found: Measured, floor: float, most: float | None = None) -> bool:
    """Whether outputs have `floor` dB, and the metric drops by no more than `most`, as far as either is known."""
    return (found.sqnr is None or found.sqnr >= floor) and (most is None or found.drop is None or found.drop <= most)


def holding(trials: Trials, decisions: Mapping[Key, str], costs: Mapping[Key, float], sizes: Mapping[Key, int], floor: float,
            most: float | None = None) -> Kept:
    """Take out layers until the outputs have `floor` dB, and no metric drops by more than `most`: as few as bisection finds.

    The whole does not hold. First go those that add most error for the time that they save, which is taken to be as their `sizes`.
    """
    order = sorted(decisions, key=lambda key: -(10 ** (-costs.get(key, float("inf")) / 10)) / sizes[key])

    def without(count: int) -> tuple[dict[Key, str], Measured]:
        left = {key: form for key, form in decisions.items() if key not in order[:count]}
        return left, trials.run(left, latency=False) if left else Measured(None, float("inf"))

    best: tuple[dict[Key, str], Measured] = {}, Measured(None, float("inf"))
    low, high = 0, len(order)
    while high - low > 1:  # of `low` taken out the floor does not hold, of `high` it does
        middle = (low + high) // 2
        found = without(middle)
        if holds(found[1], floor, most):
            high, best = middle, found
        else:
            low = middle
    return Kept(best[0], dict(costs), best[1].sqnr)
