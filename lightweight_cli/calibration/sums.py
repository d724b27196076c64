"""Streamed sums over rows: whatever the number of samples, they take the room of one matrix."""

from __future__ import annotations

import numpy as np

from lightweight_cli.calibration.histogram import Histogram
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.numerics import parts
from lightweight_cli.numerics.moments import Moments

BLOCK = 16 << 20
"""Bytes of rows that are widened to float64 at once: small beside the sums of a wide layer, long enough for full BLAS speed."""


class Sums:
    """Sums in float64 over rows x [groups, n, inputs] of one model, and over those rows of another."""

    def __init__(self, groups: int, inputs: int, pairs: bool, histogram: bool = False) -> None:
        """`pairs`: rows of the original come with those of the compressed model, for targets."""
        self.split = groups == 1 and parts.width(inputs) != inputs
        self.pairs, self.n = pairs, 0
        count, width = (-(-inputs // parts.width(inputs)), parts.width(inputs)) if self.split else (groups, inputs)
        self.xx = np.zeros((count, width, width))
        self.yx = np.zeros((count, width, width)) if pairs else None
        self.x, self.y = np.zeros((count, width)), np.zeros((count, width))
        self.largest = np.zeros((groups, inputs))
        self.histogram = Histogram() if histogram else None

    @staticmethod
    def nbytes(groups: int, inputs: int, pairs: bool) -> int:
        """Return the bytes that the sums take."""
        width = parts.width(inputs) if groups == 1 else inputs
        return 8 * groups * -(-inputs // width) * width * width * (2 if pairs else 1)

    def add(self, rows: np.ndarray, original: np.ndarray | None = None) -> None:
        """Add rows; `original`: the same rows of the original model, where these are the compressed one's."""
        step = max(1, BLOCK // (8 * rows.shape[0] * rows.shape[2]))
        for start in range(0, rows.shape[1], step):
            block = rows[:, start : start + step]
            self.largest = np.maximum(self.largest, np.abs(block).max(1, initial=0.0))
            x = self._wide(block)
            y = self._wide(original[:, start : start + step]) if original is not None else x
            self.n += block.shape[1]
            self.x += x.sum(1)
            self.y += y.sum(1)
            for g in range(len(x)):  # of one array with itself numpy makes half the products
                self.xx[g] += x[g].T @ x[g]
                if self.yx is not None:
                    self.yx[g] += y[g].T @ x[g]

    def _wide(self, rows: np.ndarray) -> np.ndarray:
        wide = np.ascontiguousarray(rows, np.float64)
        return parts.split(wide) if self.split else wide

    def result(self, matrix: np.ndarray | None = None) -> Statistics:
        """Return the means; `matrix`: the original's W [groups, outputs, inputs], whose outputs are the targets."""
        n = max(1, self.n)
        moments = Moments(self.xx / n, self.n, mx=self.x / n)
        if matrix is not None and self.yx is not None:
            w = self._wide(matrix)
            moments = moments._replace(C=w @ (self.yx / n), my=(w @ (self.y / n)[:, :, None])[:, :, 0])
        return Statistics(moments, self.largest, histogram=self.histogram)
