"""Several uniform grids over the same outputs at once: copies of a target stand one below the other, each with a grid of its own.

Seen by the solvers as `grid` says. Columns are visited one by one, so that all copies take hardly longer than one: 21 grids over 32
outputs a fifth of the time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .grid import paid, towards_zero


class Stacked(NamedTuple):
    """w ~ scale * code, |code| <= limit, for each output of [G, copies * out, d]."""

    scale: np.ndarray  # [1, copies * out, 1] float32
    limit: np.ndarray  # [1, copies * out, 1] float32
    zero: np.ndarray  # [1, copies * out, 1] intp: where the cost of code 0 stands in the list of all copies' costs

    def at(self, column: int, columns: int) -> Stacked:
        """The grids of one column, for values [G, copies * out]."""
        return Stacked(*(a[:, :, 0] for a in self)) if self.scale.ndim == 3 else self

    def spread(self, columns: int) -> Stacked:
        """The grids of all columns."""
        return self

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Codes nearest to the values."""
        return np.clip(np.rint(values / self.scale), -self.limit, self.limit)

    def cheapest(self, values: np.ndarray, curvature: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Of the nearest code, the one next to it towards zero, and zero: the least (w - q)^2 curvature + cost of code."""
        places, curvature = values / self.scale, curvature * (self.scale * self.scale)
        best = np.minimum(np.maximum(np.rint(places), -self.limit), self.limit)
        sign = np.sign(best)
        index = best.astype(np.intp)
        index += self.zero
        least = towards_zero(places, best, sign, index, curvature, cost)
        best[paid(places, curvature, cost.take(self.zero)) < least] = 0
        return best.astype(places.dtype, copy=False)

    def priced(self, codes: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Cost of each code, from the list of all copies'."""
        return cost.take(codes.astype(np.intp) + self.zero)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Values of codes."""
        return codes * self.scale
