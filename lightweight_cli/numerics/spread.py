"""A histogram of signed values whose range grows with what it meets, and the range that 8 bits should have of it."""

from __future__ import annotations

import math

import numpy as np

BINS = 4096
"""From -range to range, of equal width."""
BLOCK = 1 << 16
LEVELS = 255
"""Steps of 8 bits."""
SHARE = 0.9999
"""Of the values lies within the range by percentile."""
SHRINKS = np.linspace(1.0, 0.3, 36)
"""Shares of the whole range that are tried."""
METHODS = ("minmax", "percentile", "entropy", "mse")


class Spread:
    """How many values lie in each bin; NaN and infinities are left out."""

    def __init__(self, range_: float = 0.0, low: float = math.inf, high: float = -math.inf, counts: np.ndarray | None = None) -> None:
        self.range, self.low, self.high = range_, low, high
        self.counts = np.zeros(BINS, np.int64) if counts is None else counts

    def add(self, values: np.ndarray) -> None:
        """Count more values. The range doubles, two bins becoming one, until it holds all."""
        flat = values.reshape(-1)
        for start in range(0, flat.size, BLOCK):
            part = flat[start : start + BLOCK].astype(np.float32)
            part = part[np.isfinite(part)]
            if not part.size:
                continue
            low, high = float(part.min()), float(part.max())
            self.low, self.high = min(self.low, low), max(self.high, high)
            most = max(-low, high)
            if not self.range and most:
                self.range = most
            while most > self.range:
                half = self.counts.reshape(-1, 2).sum(1)
                self.counts = np.concatenate([np.zeros(BINS // 4, np.int64), half, np.zeros(BINS // 4, np.int64)])
                self.range *= 2
            width = 2 * self.range / BINS if self.range else 1.0
            places = np.clip(np.floor(part / np.float32(width)) + BINS // 2, 0, BINS - 1).astype(np.int64)
            self.counts += np.bincount(places, minlength=BINS)

    @property
    def centres(self) -> np.ndarray:
        """[BINS]: the middle of each bin."""
        return (np.arange(BINS) + 0.5 - BINS // 2) * (2 * self.range / BINS)

    def extent(self, method: str) -> tuple[float, float]:
        """Return the range by a method: minmax, percentile, entropy or mse. Zero is always within."""
        if not self.counts.sum():
            return 0.0, 0.0
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        return {"minmax": lambda: (low, high), "percentile": self._percentile, "entropy": self._entropy, "mse": self._mse}[method]()

    def _percentile(self) -> tuple[float, float]:
        up_to = np.cumsum(self.counts)
        width = 2 * self.range / BINS
        tail = (1 - SHARE) / 2 * up_to[-1]
        low = (int(np.searchsorted(up_to, tail, side="right")) - BINS // 2) * width
        high = (int(np.searchsorted(up_to, up_to[-1] - tail)) + 1 - BINS // 2) * width
        return max(min(low, 0.0), min(self.low, 0.0)), min(max(high, 0.0), max(self.high, 0.0))

    def _candidates(self) -> list[tuple[float, float]]:
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        both = [(low * a, high * a) for a in SHRINKS]
        return both if not low or not high else [*both, *((low, high * a) for a in SHRINKS[1:]), *((low * a, high) for a in SHRINKS[1:])]

    def _mse(self) -> tuple[float, float]:
        """The range of least squared error."""
        def error(extent: tuple[float, float]) -> float:
            scale, zero = affine(*extent)
            kept = self.counts > 0
            x = self.centres[kept]
            near = (np.clip(np.rint(x / scale) + zero, 0, LEVELS) - zero) * scale
            inside = (x >= extent[0]) & (x <= extent[1])
            return float((self.counts[kept] * np.where(inside, scale**2 / 12, (near - x) ** 2)).sum())

        return min(self._candidates(), key=error)

    def _entropy(self) -> tuple[float, float]:
        """The range in which the distribution changes least by rounding, in Kullback and Leibler's measure."""
        def divergence(extent: tuple[float, float]) -> float:
            centres = self.centres
            inside = (centres >= extent[0]) & (centres <= extent[1])
            if inside.sum() < LEVELS:
                return math.inf
            kept = self.counts[inside].astype(np.float64)
            clipped = kept.copy()
            clipped[0] += self.counts[centres < extent[0]].sum()
            clipped[-1] += self.counts[centres > extent[1]].sum()
            places = np.arange(kept.size) * LEVELS // kept.size
            total, used = np.bincount(places, kept, LEVELS), np.bincount(places, kept > 0, LEVELS)
            spread = np.where(kept > 0, (total / np.maximum(used, 1))[places], 0)
            p, q = clipped / clipped.sum(), spread / max(spread.sum(), 1e-30)
            both = (p > 0) & (q > 0)
            return float((p[both] * np.log(p[both] / q[both])).sum() + p[(p > 0) & (q == 0)].sum() * 10)

        return min(self._candidates(), key=divergence)


def affine(low: float, high: float) -> tuple[float, int]:
    """Return scale and zero point of uint8 codes that span [low, high], which holds zero."""
    scale = max((high - low) / LEVELS, 1e-30)
    return scale, int(np.clip(np.rint(-low / scale), 0, LEVELS))
