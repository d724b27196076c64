"""How often each byte occurs: numpy counts one number at a time, so several bytes are counted as one number.

ns a byte on one core: one at a time 2.3, two 1.1, four of 4 bits .8.
"""

from __future__ import annotations

import numpy as np

MANY = 1 << 16
"""Bytes from which a table of 2^16 counts is worth its time."""
NIBBLE = 16


class Tally:
    """Counts of bytes that come in parts."""

    def __init__(self, levels: int = 256) -> None:
        """`levels`: every byte is below it."""
        self.single, self.pairs = np.zeros(256, np.int64), np.zeros(1 << 16, np.int64)
        self.quads = np.zeros(1 << 16 if levels <= NIBBLE else 0, np.int64)

    def add(self, part: np.ndarray) -> None:
        """Count a flat uint8 array."""
        whole = part.size - part.size % 4 if part.size >= MANY else 0
        self.single += np.bincount(part[whole:], minlength=256)
        if not whole:
            return
        pairs = np.ascontiguousarray(part[:whole]).view("<u2")
        if self.quads.size:
            both = pairs >> 4
            both |= pairs
            self.quads += np.bincount(both.astype(np.uint8).view("<u2"), minlength=1 << 16)
        else:
            self.pairs += np.bincount(pairs, minlength=1 << 16)

    def counts(self) -> np.ndarray:
        """Return int64 [256]."""
        square = self.pairs.reshape(256, 256)
        found = self.single + square.sum(0) + square.sum(1)
        if self.quads.size:
            four = self.quads.reshape((NIBBLE,) * 4)
            for axis in range(4):
                found[:NIBBLE] += four.sum(tuple(i for i in range(4) if i != axis))
        return found
