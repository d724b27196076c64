"""Weight after weight in the order of use, rung after rung of the ladder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lightweight_cli.calibration.tryout import Tryout
from lightweight_cli.sensitivity.found import Measured, Sensitivity
from lightweight_cli.sensitivity.ladder import LADDER, Rung, changed, order

if TYPE_CHECKING:
    from lightweight_cli.weights.weight import Weight

ROWS = 16
"""Samples on which each change is tried: they tell the dB of ten classes to about one half."""
BITS = 4
"""By which weights are ranked where nothing is said."""
LEAST, EACH = 120.0, 10.0
"""Seconds where nothing is said, and so many more for each million weights."""
UNREACHED = "reaches no output, or is in a function"

Advance = Callable[[int, int], None]
"""Called with what is done, and how much there is."""


def time_limit(weights: Sequence[Weight]) -> float:
    """Return the seconds that a model's weights may take where nothing is said."""
    return LEAST + EACH * sum(w.size for w in weights) / 1e6


def measured(tryout: Tryout, weights: Sequence[Weight], bits: int, limit: float | None, advance: Advance) -> tuple[list[Sensitivity], bool]:
    """Return what every weight loses, and whether time sufficed for all rungs.

    Each weight has its share of the `limit` in seconds, and one rung at least; None: no limit.
    Raises: InputError where the model does not run.
    """
    rungs, end, complete = order(bits), math.inf if limit is None else time.monotonic() + limit, True
    left, total, done = sum(tryout.behind.values()), len(rungs) * sum(tryout.behind.values()), 0
    found: dict[int, Sensitivity] = {}
    for weight in tryout.turns():
        cost, effects = tryout.behind[id(weight)], []
        until = time.monotonic() + max(0.0, end - time.monotonic()) * cost / max(1, left)
        why = None
        for tried, rung in enumerate(rungs):
            if tried and time.monotonic() > until:
                complete = False
                break
            try:
                effects.append(_tried(tryout, weight, rung))
            except ValueError as e:
                why = why or str(e)
            done += cost
            advance(done, total)
        weight.forget()
        done = len(rungs) * (sum(tryout.behind.values()) - left + cost)
        left -= cost
        found[id(weight)] = _sensitivity(weight, effects, None if effects else why)
    return [found.get(id(w)) or _sensitivity(w, [], UNREACHED) for w in weights], complete


def _tried(tryout: Tryout, weight: Weight, rung: Rung) -> tuple[Rung, Measured]:
    """Try one rung. Raises: ValueError where the weight can't be changed so; InputError where the model does not run."""
    return rung, Measured(rung.kind, rung.amount, tryout.effect(changed(weight, rung)))


def _sensitivity(weight: Weight, effects: Sequence[tuple[Rung, Measured]], reason: str | None) -> Sensitivity:
    ordered = [m for _, m in sorted(effects, key=lambda e: LADDER.index(e[0]))]
    ops = ", ".join(dict.fromkeys(r.op for r in weight.roles))
    return Sensitivity(weight.name, ops, tuple(weight.shape), weight.stored_bytes(), tuple(ordered), reason)
