"""Signal to quantization noise ratio."""

from __future__ import annotations

import math

import numpy as np


class Sqnr:
    """10 log10(sum x^2 / sum (x - y)^2) over all values, in dB."""

    def __init__(self) -> None:
        self.signal = self.noise = 0.0
        self.count = 0

    def update(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add float64 arrays [n]: the reference's values, the candidate's."""
        difference = x - y
        self.signal += float(x @ x)
        self.noise += float(difference @ difference)
        self.count += x.size

    def value(self) -> float | None:
        """Return dB; inf without noise, -inf with nothing but noise, None without values."""
        if not self.count:
            return None
        if self.noise == 0:
            return math.inf
        if self.signal == 0:
            return -math.inf
        return 10 * (math.log10(self.signal) - math.log10(self.noise))
