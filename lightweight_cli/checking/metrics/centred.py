"""Signal to noise ratio of what an output varies by: its mean over the samples left out of the signal."""

from __future__ import annotations

import math

import numpy as np

from lightweight_cli.checking.metrics.sqnr import Sqnr


class Centred:
    """10 log10(sum (x - mean)^2 / sum (x - y)^2), the mean that of each class, or place where there are none.

    Classes are the last axis; of an output [n, 1] or [n] all values are one class. An output that hardly varies between
    inputs has a high SQNR whatever became of the model; this one is low then.
    """

    def __init__(self) -> None:
        self.all, self.count = Sqnr(), 0
        self.sum: np.ndarray | None = None

    def update(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add finite arrays of equal shape, whole outputs of one batch; one of another width than the first is left out."""
        width = x.shape[-1] if x.ndim > 1 and x.shape[-1] > 1 else math.prod(x.shape[1:])
        if not x.size or (self.sum is not None and len(self.sum) != width):
            return
        a, b = x.astype(np.float64).reshape(-1, width), y.astype(np.float64).reshape(-1, width)
        self.sum = a.sum(0) + (0 if self.sum is None else self.sum)
        self.count += len(a)
        self.all.update(a.ravel(), b.ravel())

    @property
    def varying(self) -> float | None:
        """Share of the signal's power that is variation; None without values."""
        if self.sum is None or not self.all.signal > 0:
            return None
        with np.errstate(over="ignore"):
            return max(0.0, 1 - float(self.sum @ self.sum) / self.count / self.all.signal)

    def value(self) -> float | None:
        """Return dB; inf without noise, None without values."""
        whole, share = self.all.value(), self.varying
        if whole is None or share is None or not math.isfinite(whole):
            return whole
        return whole + 10 * math.log10(share) if share > 0 else -math.inf
