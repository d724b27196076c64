"""Layers that cost too much go back to floats: what each costs alone, and the fewest that must go for the outputs to hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from lightweight_cli.compute.trial import Measured, Trials
from lightweight_cli.weights.weight import Key

FLOOR = 20.0
"""dB of the worst output that is kept where no gate says more: an error of a hundredth of its power."""
TELLING, CHOOSING = 20.0, 300.0
"""Seconds for finding what each layer costs: to tell it, and where some must go back; layers whose turn does not come count as those
that cost nothing."""


Holds = Callable[[Mapping[Key, str]], bool]
"""Whether the outputs hold with some layers in integers."""


def costs(trials: Trials, decisions: Mapping[Key, str], tell: Callable[[int, int], None], seconds: float = CHOOSING) -> dict[Key, float]:
    """Return the dB of the worst output with each layer alone in integers."""
    found: dict[Key, float] = {}
    until = time.monotonic() + seconds
    for done, (key, form) in enumerate(decisions.items()):
        if time.monotonic() > until:
            break
        tell(done, len(decisions))
        sqnr = trials.alone({key: form})
        if sqnr is not None:
            found[key] = sqnr
    return found


def holds(found: Measured, floor: float, most: float | None = None) -> bool:
    """Whether outputs have `floor` dB, and the metric drops by no more than `most`, as far as either is known."""
    return (found.sqnr is None or found.sqnr >= floor) and (most is None or found.drop is None or found.drop <= most)


def holding(decisions: Mapping[Key, str], costs: Mapping[Key, float], sizes: Mapping[Key, int], holds: Holds) -> dict[Key, str]:
    """Take out layers until what is left holds: as few as bisection finds. The whole does not.

    First go those that add most error for the time that they save, which is taken to be as their `sizes`.
    """
    order = sorted(decisions, key=lambda key: -(10 ** (-costs.get(key, float("inf")) / 10)) / sizes[key])
    low, high, best = 0, len(order), dict[Key, str]()
    while high - low > 1:  # with `low` taken out it does not hold, with `high` it does
        middle = (low + high) // 2
        gone = set(order[:middle])
        left = {key: form for key, form in decisions.items() if key not in gone}
        if holds(left):
            high, best = middle, left
        else:
            low = middle
    return best
