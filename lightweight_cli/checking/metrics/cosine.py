"""Cosine similarity."""

from __future__ import annotations

import math

import numpy as np


class Cosine:
    """x.y / (|x| |y|) of all values as one vector."""

    def __init__(self) -> None:
        self.xx = self.yy = self.xy = 0.0

    def update(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add float64 arrays [n]."""
        self.xx += float(x @ x)
        self.yy += float(y @ y)
        self.xy += float(x @ y)

    def value(self) -> float | None:
        """Return -1..1; None when a vector is zero."""
        norm = math.sqrt(self.xx) * math.sqrt(self.yy)
        return min(1.0, max(-1.0, self.xy / norm)) if norm else None
