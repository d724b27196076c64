"""A histogram of magnitudes whose range grows with what it meets."""

from __future__ import annotations

import numpy as np

BINS = 2048
BLOCK = 1 << 16
"""Values that are sorted into bins at once."""


class Histogram:
    """How many |x| lie in each of BINS bins of equal width from 0 to `range`; NaN and infinities are left out."""

    def __init__(self, range_: float = 0.0, counts: np.ndarray | None = None) -> None:
        self.range = range_
        self.counts = np.zeros(BINS, np.int64) if counts is None else counts

    def add(self, values: np.ndarray) -> None:
        """Count more values. The range doubles, two bins becoming one, until it holds the largest."""
        flat = values.reshape(-1)
        for start in range(0, flat.size, BLOCK):
            part = np.abs(flat[start : start + BLOCK].astype(np.float64))
            part = part[np.isfinite(part)]
            most = float(part.max(initial=0.0))
            if not self.range and most:
                self.range = most
            while most > self.range:
                self.counts = np.concatenate([self.counts.reshape(-1, 2).sum(1), np.zeros(BINS // 2, np.int64)])
                self.range *= 2
            places = np.minimum(part * (BINS / self.range if self.range else 0.0), BINS - 1).astype(np.int64)
            self.counts += np.bincount(places, minlength=BINS)

    def quantile(self, share: float) -> float:
        """Return the upper edge of the first bin up to which `share` of the values lie."""
        up_to = np.cumsum(self.counts)
        place = int(np.searchsorted(up_to, share * up_to[-1]))
        return (min(place, BINS - 1) + 1) * self.range / BINS
