"""All weights of a tensor in one reading, as at most 2^16 points: what one-dimensional k-means runs on.

Small tensors are kept exactly, as their distinct values. Others fall into bins by the upper half of their float32
bits: sign, exponent and 7 bits of fraction, 2^-7 of the value wide; a bin keeps its mass and its mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from .tiles import pieces

BINS = 1 << 16
SMALL = 1 << 16  # up to so many weights are kept exactly


@dataclass(frozen=True)
class Points:
    """Values with masses: what one-dimensional k-means runs on."""

    values: np.ndarray  # [m] float64, ascending, distinct
    masses: np.ndarray  # [m] float64, > 0

    def means(self, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Masses and weighted means of the cells edges[i]..edges[i + 1]; 0 and 0 where a cell is empty.

        Summed cell by cell, not by differences of prefix sums: one huge value must not blur the other cells.
        """
        masses, means = np.zeros((2, edges.size - 1))
        filled = edges[1:] > edges[:-1]
        if filled.any():
            starts = edges[:-1][filled]
            masses[filled] = np.add.reduceat(self.masses, starts)
            means[filled] = np.add.reduceat(self.masses * self.values, starts) / masses[filled]
        return masses, means


def sketch(chunks: Iterable[np.ndarray], importances: Iterable[np.ndarray] | None = None) -> Points:
    """Summarise weights, each with mass 1 or its importance >= 0, of the chunk's shape or broadcast to it.

    Read once; needs 2^16 bins and one piece of memory. Values must be finite.

    Returns: points, exact for up to 2^16 weights, else means of bins 2^-7 of their value wide.
    Raises: ValueError if a weight is not finite in float32.
    """
    exact: list[tuple[np.ndarray, np.ndarray]] | None = []
    bins = np.zeros((2, BINS))  # mass, mass * value
    size = 0
    for values, masses in _weighted(chunks, importances):
        if not np.isfinite(values).all():
            raise ValueError("weights are not finite in float32")
        size += values.size
        if exact is not None:
            exact.append((values, masses))
            if size > SMALL:
                for earlier in exact:
                    _bin(bins, *earlier)
                exact = None
        else:
            _bin(bins, values, masses)
    if exact is not None:
        return _exact(exact)
    used = bins[0] > 0
    masses, values = bins[0][used], bins[1][used] / bins[0][used]
    order = np.argsort(values, kind="stable")
    return Points(values[order], masses[order])


def _weighted(
    chunks: Iterable[np.ndarray], importances: Iterable[np.ndarray] | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pieces of weights in float32, and their masses in float64."""
    pairs = ((chunk, np.ones(())) for chunk in chunks) if importances is None else zip(chunks, importances, strict=True)
    for chunk, importance in pairs:
        spread = np.broadcast_to(importance, chunk.shape).reshape(-1)
        for values, masses in zip(pieces(chunk.reshape(-1)), pieces(spread), strict=True):
            with np.errstate(over="ignore"):  # the caller refuses infinities
                narrow = values.astype(np.float32)
            yield narrow, masses.astype(np.float64)


def _bin(bins: np.ndarray, values: np.ndarray, masses: np.ndarray) -> None:
    """Add a piece to the bins of its upper 16 bits."""
    upper = np.right_shift(values.view(np.uint32), np.uint32(16)).astype(np.intp)
    bins[0] += np.bincount(upper, masses, BINS)
    bins[1] += np.bincount(upper, masses * values, BINS)


def _exact(parts: list[tuple[np.ndarray, np.ndarray]]) -> Points:
    """The distinct values of a small tensor."""
    if not parts:
        return Points(np.empty(0), np.empty(0))
    values, index = np.unique(np.concatenate([part[0] for part in parts]).astype(np.float64), return_inverse=True)
    masses = np.bincount(index, np.concatenate([part[1] for part in parts]), values.size)
    return Points(values[masses > 0], masses[masses > 0])
