"""The smallest candidate that holds: the logarithm of the size bisected between what holds and what does not."""

from __future__ import annotations

import math

from lightweight_cli.search import allocation
from lightweight_cli.search.candidates import Candidates

FIRST = 10.0
"""The ratio that is tried first."""
NARROW = 1.03
"""Ratio of the smallest size that holds to the largest that does not, below which the search ends."""
MOST = 9
"""Candidates at most."""


def smallest(search: Candidates) -> None:
    """Build and measure until the smallest that holds is known to some percent."""
    largest = allocation.safe(search.explored)
    if not search.front.tried[0].verdict.holds and not search.made(largest).verdict.holds:
        largest = allocation.finest(search.explored)
        if not search.made(largest).verdict.holds:
            return
    least = search.forecast(allocation.smallest(search.explored, search.room))
    holding, failing = math.log(search.forecast(largest)), math.log(least)
    aim = math.log(search.original / FIRST)
    while len(search.front.tried) < MOST and holding - failing > math.log(NARROW):
        if not failing < aim < holding:
            aim = (holding + failing) / 2
        made = search.of(math.exp(aim))
        if made is None:
            return
        made = search.firmer(made)
        if made.verdict.holds:
            holding = min(holding, math.log(made.forecast))
        else:
            failing = max(failing, min(math.log(made.forecast), holding))
        aim = (holding + failing) / 2
