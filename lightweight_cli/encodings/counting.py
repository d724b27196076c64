"""How often each symbol occurs in a weight's codes: in all, which exact prices need, or in some, which tell what is not worth asking."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lightweight_cli.model.blobs import Blob
from lightweight_cli.numerics.tally import Tally

MANY, FEW = 1 << 18, 16
"""Codes from which some are looked at before all are counted, which takes 1.1 ns a code, a quarter of rounding them; not where they are
of so few kinds that trees are likely to pay."""
SEGMENTS, LENGTH = 32, 2048
"""Runs of codes that are looked at, evenly spread: a share of them is known to .2 %."""


def every(parts: Iterable[np.ndarray], levels: int) -> np.ndarray:
    """Return int64 [256]: counts of symbols below `levels` that come in parts."""
    tally = Tally(levels)
    for part in parts:
        tally.add(part)
    return tally.counts()


def some(codes: Blob, low: int) -> np.ndarray:
    """Return int64 [256]: counts of the symbols in runs of many codes, of which the lowest is `low`."""
    found = np.empty((SEGMENTS, LENGTH), np.uint8)
    for i, run in enumerate(found):
        codes.read_into(i * (codes.length - LENGTH) // (SEGMENTS - 1), run.data)
    return np.bincount((found - np.uint8(low & 255)).reshape(-1), minlength=256)
