"""The best candidate of a size: by other items, then by other steps of all layers together, then by those of single ones."""

from __future__ import annotations

from lightweight_cli.search import allocation
from lightweight_cli.search.candidates import Candidates
from lightweight_cli.search.filling import LEFT, STRETCH, Filling
from lightweight_cli.search.front import Candidate

CLOSE, AIM = 0.98, 0.993
"""How near to a size from below is near enough; and the share of it that is aimed at."""
CORRECTIONS, TOGETHER, ALONE = 1, 6, 3
"""Candidates at most that correct a forecast by other items, by other steps of all layers together, and by those of single ones."""
NEAR = 1.2
"""Times a size within which other steps are as good as other items, and forecast better: they go by the codes that there are."""
SAME = 1.004
"""Times a step that is not worth a candidate."""


def meet(search: Candidates, most: int) -> None:
    """Build for a size, and correct the forecast by what came of it."""
    smallest = search.forecast(allocation.smallest(search.explored, search.room))
    if smallest > most and any(e.others for e in search.explored):
        search.opened, search.explored = True, [e._replace(choices=e.others or e.choices) for e in search.explored]
    aim = most * AIM
    made = search.of(aim, fill=True)
    for _ in range(CORRECTIONS):
        if made is None or most / NEAR <= made.nbytes <= most * NEAR:
            break
        nearer = search.rest + (aim - search.rest) * (most * AIM - search.rest) / max(1, made.nbytes - search.rest)
        found = search.of(nearer, fill=True)
        if found is None:
            break
        aim, made = nearer, found
    if made is None:
        return
    filled(search, made, most)
    best, search.built = search.front.best, search.front.built
    if best is not None and not best.nearest and not search.settled:
        made = search.firmer(best)
        if search.firm:
            filled(search, made, most)


def filled(search: Candidates, made: Candidate, most: int) -> None:
    """Meet a size by other steps than the menu's: of all layers together, and of single ones with what is left over then."""
    assert search.built is not None
    filling, aim = Filling(search.explored, search.built, made.nbytes, search.store), most * AIM
    asked, low, high = aim, *((1.0, STRETCH) if made.nbytes > most else (1 / STRETCH, 1.0))
    for _ in range(TOGETHER):
        if met(search, most) or close(made, most) or not filling.free:
            break
        factor = filling.factor(asked, low, high)
        if not low < factor < high:
            factor = (low * high) ** 0.5
        items = filling.stretched(factor)
        if high < SAME * low or search.known(items):
            break
        before, made = made.nbytes, search.measured(items)
        if abs(made.nbytes - before) < LEFT * most:  # forms of one width, whatever the step
            break
        low, high = (max(low, factor), high) if made.nbytes > most else (low, min(high, factor))
        asked += aim - made.nbytes
    for _ in range(ALONE):
        best, built = search.front.best, search.front.built
        if met(search, most) or best is None or built is None or not search.front.keeps(best):
            return
        items = Filling(search.explored, built, best.nbytes, search.store).alone(aim)
        if search.known(items):
            return
        aim -= max(0.0, search.measured(items).nbytes - aim)  # what jumped once would do so again


def met(search: Candidates, most: int) -> bool:
    """Whether the best candidate is near enough to a size."""
    return search.front.best is not None and close(search.front.best, most)


def close(made: Candidate, most: int) -> bool:
    """Whether a candidate is near enough to a size."""
    return CLOSE * most <= made.nbytes <= most
