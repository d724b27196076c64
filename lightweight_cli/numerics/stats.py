"""What decides how a tensor is stored: zeros, repeated values, gaps between non-zeros."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .bits import INFINITY, UNSIGNED, bits, total_order
from .tiles import pieces

MOST_VALUES = 256
SAMPLE = 4096  # elements looked at before a whole piece is sorted
LARGEST_GAP = 255


class Statistics(NamedTuple):
    """Facts on all elements of a tensor, by bit pattern: -0.0 is not a zero."""

    size: int
    zeros: int  # elements of bit pattern 0
    not_finite: int  # infinities and NaN
    values: np.ndarray | None  # [<= 256] the distinct elements in IEEE total order; None if there are more
    counts: np.ndarray | None  # how often each occurs
    delta_entries: int  # entries of an 8-bit delta coding: non-zeros, and fillers for gaps over 255


def statistics(chunks: Iterable[np.ndarray]) -> Statistics:
    """Read a tensor once, chunk by chunk in order; all chunks of one dtype, float or integer.

    Returns: its statistics; for no chunks at all, those of an empty float32 tensor.
    """
    size = zeros = not_finite = 0
    distinct, gaps = Distinct(), Gaps()
    dtype = np.dtype(np.float32)
    for chunk in chunks:
        dtype = chunk.dtype
        for patterns in pieces(bits(chunk)):
            piece_zeros = patterns.size - int(np.count_nonzero(patterns))
            size, zeros = size + patterns.size, zeros + piece_zeros
            not_finite += _not_finite(patterns, dtype)
            distinct.add(patterns)
            gaps.add(patterns, piece_zeros)
    values, counts = distinct.result(dtype)
    return Statistics(size, zeros, not_finite, values, counts, gaps.entries)


def _not_finite(patterns: np.ndarray, dtype: np.dtype) -> int:
    """Infinities and NaN among bit patterns."""
    if dtype.name not in INFINITY:
        return 0
    limit = patterns.dtype.type(INFINITY[dtype.name] << 1)
    magnitudes = np.left_shift(patterns, patterns.dtype.type(1))  # without the sign
    return 0 if np.maximum.reduce(magnitudes) < limit else int(np.count_nonzero(magnitudes >= limit))


def distinct(values: np.ndarray) -> np.ndarray:
    """Return the distinct values of [n] numbers, none NaN, ascending: np.unique imports all of numpy.ma for that, which takes 20 ms."""
    ordered = np.sort(values)
    first = np.ones(ordered.size, bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


class Distinct:
    """The distinct bit patterns of a stream and their counts, until there are too many."""

    def __init__(self) -> None:
        """Start with none."""
        self.counts: dict[int, int] | None = {}

    def add(self, patterns: np.ndarray) -> None:
        """Count one piece."""
        if self.counts is None:
            return
        if distinct(patterns[:SAMPLE]).size > MOST_VALUES:
            self.counts = None
            return
        ordered = np.sort(patterns)
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        if starts.size <= MOST_VALUES:
            for pattern, count in zip(
                ordered[starts].tolist(), np.diff(starts, append=ordered.size).tolist(), strict=True
            ):
                self.counts[pattern] = self.counts.get(pattern, 0) + count
        if max(starts.size, len(self.counts)) > MOST_VALUES:
            self.counts = None

    def result(self, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
        """The values in total order and their counts, or two None."""
        if self.counts is None:
            return None, None
        patterns = np.array(list(self.counts), UNSIGNED[dtype.itemsize])
        order = np.argsort(total_order(patterns, dtype) if dtype.name in INFINITY else patterns.view(dtype))
        return patterns[order].view(dtype), np.array(list(self.counts.values()), np.int64)[order]


class Gaps:
    """Entries that 8-bit gaps between non-zeros need, fillers included."""

    def __init__(self) -> None:
        """Stand before the first element."""
        self.entries, self.last, self.offset = 0, -1, 0  # last: position of the last non-zero

    def add(self, patterns: np.ndarray, zeros: int) -> None:
        """Count one piece, of which so many are zero."""
        if zeros < patterns.size:
            first, last, fillers = 0, patterns.size - 1, 0
            if zeros:
                positions = np.flatnonzero(patterns != 0)
                first, last = int(positions[0]), int(positions[-1])
                gaps = np.diff(positions)
                fillers = int(((gaps[gaps > LARGEST_GAP] - 1) // LARGEST_GAP).sum())
            fillers += (self.offset + first - self.last - 1) // LARGEST_GAP
            self.entries += patterns.size - zeros + fillers
            self.last = self.offset + last
        self.offset += patterns.size
