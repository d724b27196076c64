"""How often each byte occurs: numpy counts one number at a time, so several bytes are counted as one number of 16 bits.

ns a byte on one core: one at a time 2.3, two 1.1, four of 4 bits .8, eight of 2 bits .5.
"""

from __future__ import annotations

import numpy as np

from lightweight_cli.numerics.packing import DIGITS, joined

MANY = 1 << 16
"""Bytes from which a table of 2^16 counts is worth its time."""
POWERS = (2, 4, 16)
"""Bases of digits of which a byte can hold all combinations."""


class Tally:
    """Counts of bytes that come in parts."""

    def __init__(self, levels: int = 256) -> None:
        """`levels`: every byte is below it."""
        self.base = next((base for base in POWERS if levels <= base), 256)
        self.digits = DIGITS.get(self.base, 1)
        self.single, self.pairs = np.zeros(256, np.int64), np.zeros(0, np.int64)
        """Of bytes by themselves, and of two bytes of so many digits."""

    def add(self, part: np.ndarray) -> None:
        """Count a flat uint8 array."""
        whole = part.size - part.size % (2 * self.digits) if part.size >= MANY else 0
        if whole < part.size:
            self.single += np.bincount(part[whole:], minlength=256)
        if whole:
            packed = np.ascontiguousarray(part[:whole])
            packed = joined(packed, self.base, self.digits) if self.digits > 1 else packed
            found = np.bincount(packed.view("<u2"), minlength=1 << 16)
            self.pairs = np.add(self.pairs, found, out=found) if self.pairs.size else found

    def counts(self) -> np.ndarray:
        """Return int64 [256]."""
        if not self.pairs.size:
            return self.single
        square = self.pairs.reshape(256, 256)
        packed = square.sum(0) + square.sum(1)
        if self.digits == 1:
            return self.single + packed
        found, digits = self.single.copy(), packed.reshape((self.base,) * self.digits)
        for axis in range(self.digits):
            found[: self.base] += digits.sum(tuple(i for i in range(self.digits) if i != axis))
        return found
