"""Steps between the menu's for an assignment that was not built yet: what its next better item would take is often too much at once.

Slopes of the table tell: what a layer's plain items take, by the logarithm of their steps. They hold for clipped items near by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightweight_cli.search.gains import Explored
from lightweight_cli.search.items import WIDE, Item
from lightweight_cli.search.table import Choice

NEXT = 0.5
"""Octaves of steps, those of the menu, on either side of one that its slope is told by."""
FARTHEST = 0.5
"""Octaves that steps are stretched by at most: beyond, other items are better."""
WORTH = 0.05
"""Share of a size from which on what is left over is filled so: less is better filled by single layers, behind the first candidate."""


def filled(known: Sequence[Explored], chosen: Sequence[Choice], left: float, size: float) -> list[Item]:
    """Return the items of an assignment, all steps finer by one factor where so much of a size would be left over."""
    items = [c.item for c in chosen]
    if left < WORTH * size:
        return items
    slopes = [_slope(e, i) for e, i in zip(known, items, strict=True)]
    if not sum(slopes):
        return items
    factor = 2 ** -min(FARTHEST, left / sum(slopes))
    return [item._replace(step=float(f"{item.step * factor:.4g}")) if slope else item for item, slope in zip(items, slopes, strict=True)]


def _slope(known: Explored, item: Item) -> float:
    """Return the bytes that an octave of finer steps takes; 0 where the step stays."""
    if item.bits or item.fine:
        return 0.0
    plain = sorted((c.item.step, c.nbytes) for c in known.choices
                   if c.item.clip == WIDE and c.item.per_output == item.per_output and not c.item.bits)
    if len(plain) < 2:
        return 0.0
    steps, sizes = np.log2([step for step, _ in plain]), [nbytes for _, nbytes in plain]
    at = np.log2(item.step)
    return max(0.0, float(np.interp(at - NEXT, steps, sizes) - np.interp(at + NEXT, steps, sizes)) / (2 * NEXT))
