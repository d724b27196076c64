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
        self.pairs, self.n, self.step = pairs, 0, max(1, BLOCK // (8 * groups * inputs))
        count, width = (-(-inputs // parts.width(inputs)), parts.width(inputs)) if self.split else (groups, inputs)
        self.xx = np.zeros((count, width, width))
        self.yx = np.zeros((count, width, width)) if pairs else None
        self.x, self.y = np.zeros((count, width)), np.zeros((count, width))
        self.largest = np.zeros((groups, inputs))
        self.histogram = Histogram() if histogram else None
        self.divided = False
        self.waiting: list[tuple[np.ndarray, np.ndarray | None]] = []

    @staticmethod
    def nbytes(groups: int, inputs: int, pairs: bool) -> int:
        """Return the bytes that the sums take."""
        width = parts.width(inputs) if groups == 1 else inputs
        return 8 * groups * -(-inputs // width) * width * width * (2 if pairs else 1)

    def add(self, rows: np.ndarray, original: np.ndarray | None = None) -> None:
        """Add rows, best at most `step`; `original`: the same rows of the original model, where these are the compressed one's."""
        self.largest = np.maximum(self.largest, np.abs(rows).max(1, initial=0.0))
        if sum(x.shape[1] for x, _ in self.waiting) + rows.shape[1] > self.step:
            self._multiply()
        self.waiting.append((rows, original))

    @property
    def empty(self) -> bool:
        """Whether no rows were added."""
        return not self.n and not self.waiting

    def _multiply(self) -> None:
        """Add the products of the rows that wait: of many at a time, for few rows are less than the matrix they make."""
        if not self.waiting:
            return
        x = self._wide(np.concatenate([x for x, _ in self.waiting], 1))
        originals = [y for _, y in self.waiting if y is not None]
        self.n += sum(rows.shape[1] for rows, _ in self.waiting)
        self.waiting = []
        y = self._wide(np.concatenate(originals, 1)) if originals else x
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
        """Return the means, after the last rows; `matrix`: the original's W [groups, outputs, inputs], whose outputs are the targets."""
        self._multiply()
        if not self.divided:
            self.divided = True
            for total in (self.xx, self.yx, self.x, self.y):
                if total is not None:
                    total /= max(1, self.n)
        moments = Moments(self.xx, self.n, mx=self.x)
        if matrix is not None and self.yx is not None:
            w = self._wide(matrix)
            moments = moments._replace(C=w @ self.yx, my=(w @ self.y[:, :, None])[:, :, 0])
        return Statistics(moments, self.largest, histogram=self.histogram)
