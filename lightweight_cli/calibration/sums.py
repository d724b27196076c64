"""Streamed sums over rows: whatever the number of samples, they take the room of one matrix."""

from __future__ import annotations

import numpy as np

from lightweight_cli.calibration.histogram import Histogram
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.numerics import parts
from lightweight_cli.numerics.held_out import HeldOut
from lightweight_cli.numerics.moments import Moments

BLOCK = 16 << 20
"""Bytes of rows that are widened to float64 at once: small beside the sums of a wide layer, long enough for full BLAS speed."""


class Sums:
    """Sums in float64 over rows x [groups, n, inputs]; with targets, over those rows of the original model too."""

    def __init__(self, groups: int, inputs: int, matrix: np.ndarray | None = None, histogram: bool = False) -> None:
        """`matrix`: the original's W [groups, outputs, inputs], for targets y = W x of the original's rows."""
        self.split = groups == 1 and parts.width(inputs) != inputs
        self.n, self.step, self.divided = 0, max(1, BLOCK // (8 * groups * inputs)), False
        count, width = (-(-inputs // parts.width(inputs)), parts.width(inputs)) if self.split else (groups, inputs)
        self.w = self._wide(matrix) if matrix is not None else None
        # Of few outputs the targets are made row by row; of many the original's inputs are summed, and multiplied by W in the end.
        self.few = self.w is not None and 2 * self.w.shape[1] < width
        beside = width if self.w is None or not self.few else self.w.shape[1]
        self.xx, self.x = np.zeros((count, width, width)), np.zeros((count, width))
        self.yx = np.zeros((count, beside, width)) if self.w is not None else None
        self.y = np.zeros((count, beside))
        self.largest = np.zeros((groups, inputs))
        self.histogram = Histogram() if histogram else None
        self.waiting: list[tuple[np.ndarray, np.ndarray | None]] = []
        self.aside: list[tuple[np.ndarray, np.ndarray | None]] = []

    @staticmethod
    def nbytes(groups: int, inputs: int) -> int:
        """Return the bytes that sums without targets take."""
        width = parts.width(inputs) if groups == 1 else inputs
        return 8 * groups * -(-inputs // width) * width * width

    @property
    def empty(self) -> bool:
        """Whether no rows were added."""
        return not self.n and not self.waiting

    def add(self, rows: np.ndarray, original: np.ndarray | None = None) -> None:
        """Add rows, best at most `step`; `original`: the same rows of the original model, where these are the compressed one's."""
        self.largest = np.maximum(self.largest, np.abs(rows).max(1, initial=0.0))
        if sum(x.shape[1] for x, _ in self.waiting) + rows.shape[1] > self.step:
            self._multiply()
        self.waiting.append((rows, original))

    def hold(self, rows: np.ndarray, original: np.ndarray | None = None) -> None:
        """Keep rows as they are, out of the sums."""
        if rows.shape[1]:
            self.aside.append((rows.astype(np.float32), None if original is None else original.astype(np.float32)))

    def held(self) -> HeldOut | None:
        """Return the rows that were kept."""
        if not self.aside:
            return None
        originals = [o for _, o in self.aside if o is not None]
        return HeldOut(np.concatenate([r for r, _ in self.aside], 1), np.concatenate(originals, 1) if originals else None)

    def _multiply(self) -> None:
        """Add the products of the rows that wait: of many at a time, for few rows are less than the matrix they make."""
        if not self.waiting:
            return
        x = self._wide(np.concatenate([x for x, _ in self.waiting], 1))
        originals = [y for _, y in self.waiting if y is not None]
        self.n += sum(rows.shape[1] for rows, _ in self.waiting)
        self.waiting = []
        self.x += x.sum(1)
        for g in range(len(x)):  # of one array with itself numpy makes half the products
            self.xx[g] += x[g].T @ x[g]
        if self.yx is not None and self.w is not None:
            y = self._wide(np.concatenate(originals, 1))
            y = y @ self.w.swapaxes(1, 2) if self.few else y
            self.y += y.sum(1)
            for g in range(len(x)):
                self.yx[g] += y[g].T @ x[g]

    def _wide(self, rows: np.ndarray) -> np.ndarray:
        wide = np.ascontiguousarray(rows, np.float64)
        return parts.split(wide) if self.split else wide

    def result(self, matrix: np.ndarray | None = None) -> Statistics:
        """Return the means, after the last rows; `matrix`: another W of the same rows, unless its outputs are `few`."""
        self._multiply()
        if not self.divided:
            self.divided = True
            for total in (self.xx, self.yx, self.x, self.y):
                if total is not None:
                    total /= max(1, self.n)
        moments = Moments(self.xx, self.n, mx=self.x)
        if self.yx is not None and self.few:
            moments = moments._replace(C=self.yx, my=self.y)
        elif self.yx is not None and self.w is not None:
            w = self._wide(matrix) if matrix is not None else self.w
            moments = moments._replace(C=w @ self.yx, my=(w @ self.y[:, :, None])[:, :, 0])
        return Statistics(moments, self.largest, histogram=self.histogram, held=self.held())
