"""A grid on which some weights may only be zero: those that were pruned.

It is seen by the solvers as `grid` says, and they pass the errors of what is held on to the other weights.

Source: the mask of SparseGPT, Frantar, Alistarh 2023, arXiv:2301.00774, section 3.3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .grid import Grid, Uniform


class Held(NamedTuple):
    """A grid, and which weights [G, out, d] are zero and stay so."""

    grid: Grid
    zeros: np.ndarray  # bool

    @property
    def zero(self) -> int | np.ndarray:
        """The code of zero, of all values or of each scale."""
        if isinstance(self.grid, Uniform):
            return 0 if self.grid.zero_point is None else self.grid.zero_point
        return int(np.flatnonzero(self.grid.values.reshape(-1) == 0)[0])

    def at(self, column: int, columns: int) -> Held:
        """The grid of one column, for values [G, out]."""
        return Held(self.grid.at(column, columns), self.zeros[:, :, column])

    def spread(self, columns: int) -> Held:
        """The grid of all columns."""
        return Held(self.grid.spread(columns), self.zeros)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Codes nearest to the values, zero where that is held."""
        return np.where(self.zeros, self.zero, self.grid.nearest(values)).astype(values.dtype, copy=False)

    def cheapest(self, values: np.ndarray, curvature: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Codes of least error and cost, zero where that is held."""
        return np.where(self.zeros, self.zero, self.grid.cheapest(values, curvature, cost)).astype(values.dtype, copy=False)

    def priced(self, codes: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Cost of each code."""
        return self.grid.priced(codes, cost)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Values of codes."""
        return self.grid.decode(codes)


def held(grid: Grid, zeros: np.ndarray) -> Grid | Held:
    """The grid with zeros held, where there are some and zero is one of its values."""
    known = isinstance(grid, Uniform) or (grid.values[0].size == 1 and bool((grid.values == 0).any()))
    return Held(grid, zeros) if known and zeros.any() else grid
