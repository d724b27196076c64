"""Largest absolute error."""

from __future__ import annotations

import numpy as np


class MaxError:
    """max |x - y| over all values, in their own unit."""

    def __init__(self) -> None:
        self.worst: float | None = None

    def update(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add float64 arrays [n]."""
        if x.size:
            self.worst = max(self.worst or 0.0, float(np.abs(x - y).max()))

    def value(self) -> float | None:
        """Return the error, None without values."""
        return self.worst
