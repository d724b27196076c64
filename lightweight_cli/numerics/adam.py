"""Adam on one flat vector, in place, and the rate of each step: a short warm-up, then half a cosine down to zero.

    m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   w <- w - rate m' / (sqrt(v') + e),   m', v' without their bias to zero

Source: Kingma, Ba 2015, arXiv:1412.6980; Loshchilov, Hutter 2017, arXiv:1608.03983 (cosine).
"""

from __future__ import annotations

import math

import numpy as np

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8
WARM_UP = 0.05
"""Share of the steps in which the rate rises: the second moments of the first steps say little."""
CHUNK = 1 << 16
"""Elements handled at a time: all that a step touches of them stays in the cache."""


class Adam:
    """Moments of a vector of parameters."""

    def __init__(self, size: int) -> None:
        self.m, self.v, self.steps = np.zeros(size, np.float32), np.zeros(size, np.float32), 0
        self.a, self.b = np.empty(min(size, CHUNK), np.float32), np.empty(min(size, CHUNK), np.float32)

    def step(self, w: np.ndarray, g: np.ndarray, rate: float) -> None:
        """Move `w` against its gradient, in place."""
        self.steps += 1
        for start in range(0, len(w), CHUNK):
            part = slice(start, min(len(w), start + CHUNK))
            size = part.stop - start
            self._part(w[part], g[part], self.m[part], self.v[part], self.a[:size], self.b[:size], rate)

    def _part(self, w: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, a: np.ndarray, b: np.ndarray, rate: float) -> None:
        np.multiply(g, 1 - FIRST, out=a)
        m *= FIRST
        m += a
        np.multiply(g, g, out=a)
        a *= 1 - SECOND
        v *= SECOND
        v += a
        np.divide(v, 1 - SECOND**self.steps, out=a)
        np.sqrt(a, out=a)
        a += EPSILON
        np.multiply(m, rate / (1 - FIRST**self.steps), out=b)
        b /= a
        w -= b


def rate_at(step: int, steps: int, rate: float) -> float:
    """Return the rate of one of `steps` steps, counted from 0."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return rate * (step + 1) / (warm + 1)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def clip(g: np.ndarray, largest: float) -> float:
    """Scale a gradient down, in place, to at most this length. Returns: the length it had."""
    length = math.sqrt(sum(float(np.dot(part, part)) for part in np.array_split(g, -(-g.size // CHUNK)))) if g.size else 0.0
    if length > largest:
        g *= largest / length
    return length
