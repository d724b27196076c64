"""Shared values: the k numbers that a tensor's weights are nearest to, in one dimension.

    sketch   all weights in one reading: 2^16 bins by the upper half of their float32 bits (exact for small tensors);
             a bin keeps its mass and its mean
    seed     optimal k-means by dynamic programming over <= 512 points merged from the bins
    Lloyd    on all bins, by prefix sums, until nothing moves

Weighted means, no randomness: the same weights always give the same codebook.

Source: Han et al. 2016, arXiv:1510.00149, section 3 (weight sharing); Wang, Song 2011, R Journal 3/2 (optimal 1-D
k-means); Lloyd 1982; Panter, Dite 1951 (spacing by the cube root of the density).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .tiles import pieces

BINS = 1 << 16
SMALL = 1 << 16  # up to so many weights the sketch is the weights themselves
# Points of the dynamic program: k passes over half a matrix of points^2.
POINTS_PER_CENTROID = 16
MOST_POINTS = 512
MOST_ROUNDS = 1000


class Points:
    """Values with masses, sorted and distinct: what k-means runs on."""

    def __init__(self, values: np.ndarray, masses: np.ndarray) -> None:
        """Take values [m] float64 in ascending order and masses [m] > 0."""
        self.values, self.masses = values, masses
        # Prefix sums: cell i..j has mass M[j] - M[i], sum S[j] - S[i]. Centred, so that squares lose no digits.
        self.centre = float((values * masses).sum() / masses.sum()) if values.size else 0.0
        centred = values - self.centre
        self.mass = np.concatenate([[0.0], np.cumsum(masses)])
        self.sum = np.concatenate([[0.0], np.cumsum(masses * centred)])
        self.square = np.concatenate([[0.0], np.cumsum(masses * centred**2)])

    def merged(self, edges: np.ndarray) -> Points:
        """One point for each cell edges[i]..edges[i + 1], at its weighted mean."""
        masses = np.diff(self.mass[edges])
        return Points(np.diff(self.sum[edges]) / masses + self.centre, masses)


def sketch(chunks: Iterable[np.ndarray], importances: Iterable[np.ndarray] | None = None) -> Points:
    """Summarise weights, each with mass 1 or its importance >= 0, of the chunk's shape or broadcast to it.

    Read once; needs 2^16 bins and one piece of memory. Values must be finite.

    Returns: points, exact for up to 2^16 weights, else means of bins 2^-7 of their value wide.
    Raises: ValueError if a weight is not finite.
    """
    exact: list[tuple[np.ndarray, np.ndarray]] | None = []
    bins = np.zeros((2, BINS))  # mass, mass * value
    size = 0
    for values, masses in _weighted(chunks, importances):
        if not np.isfinite(values).all():
            raise ValueError("weights are not finite")
        size += values.size
        if exact is not None:
            exact.append((values.astype(np.float64), masses))
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
    """Pieces of weights with their masses."""
    if importances is None:
        for chunk in chunks:
            for values in pieces(chunk.reshape(-1)):
                yield values, np.ones(values.size)
        return
    for chunk, importance in zip(chunks, importances, strict=True):
        spread = np.broadcast_to(importance, chunk.shape).reshape(-1)
        for values, masses in zip(pieces(chunk.reshape(-1)), pieces(spread), strict=True):
            yield values, masses.astype(np.float64)


def _bin(bins: np.ndarray, values: np.ndarray, masses: np.ndarray) -> None:
    """Add a piece to the bins of its upper 16 bits."""
    upper = np.right_shift(values.astype(np.float32).view(np.uint32), np.uint32(16)).astype(np.intp)
    bins[0] += np.bincount(upper, masses, BINS)
    bins[1] += np.bincount(upper, masses * values, BINS)


def _exact(parts: list[tuple[np.ndarray, np.ndarray]]) -> Points:
    """The distinct values of a small tensor."""
    if not parts:
        return Points(np.empty(0), np.empty(0))
    values, index = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    masses = np.bincount(index, np.concatenate([part[1] for part in parts]), values.size)
    return Points(values[masses > 0], masses[masses > 0])


def codebook(points: Points, levels: int, zero: bool = False) -> np.ndarray:
    """At most `levels` values that minimise the mass-weighted squared distance.

    With zero, one of them is exactly 0 and stays there, so that zeros are kept.

    Returns: [<= levels] float32, ascending, distinct; fewer if there are fewer distinct weights.
    """
    fixed = np.array([0.0]) if zero else np.empty(0)
    free = Points(points.values[points.values != 0], points.masses[points.values != 0]) if zero else points
    wanted = min(levels - fixed.size, free.values.size)
    if wanted < free.values.size:
        centroids = np.sort(np.concatenate([seed(free, wanted), fixed])) if wanted else fixed
        centroids = lloyd(free, centroids, zero)
    else:
        centroids = np.concatenate([free.values, fixed])
    return np.unique(centroids.astype(np.float32) + np.float32(0))  # -0 becomes +0


def seed(points: Points, levels: int) -> np.ndarray:
    """Optimal centroids of the points, merged to a few hundred first if there are more.

    D[m, j] is the least cost of the first j points in m cells:
        D[m, j] = min over i <= j of D[m - 1, i] + cost(i, j)

    Returns: [levels] float64, ascending.
    """
    few = _few(points, min(MOST_POINTS, POINTS_PER_CENTROID * levels))
    size = few.values.size
    mass, total = (prefix[None, :] - prefix[:, None] for prefix in (few.mass, few.sum))  # [i, j]: of points i..j-1
    cost = few.square[None, :] - few.square[:, None]
    np.subtract(cost, np.divide(total**2, mass, out=np.zeros_like(cost), where=mass > 0), out=cost)
    cost[np.tril_indices(size + 1)] = np.inf  # a cell holds a point
    least, starts = cost[0], []
    for _ in range(levels - 1):
        candidates = least[:, None] + cost
        starts.append(np.argmin(candidates, axis=0))
        least = np.min(candidates, axis=0)
    edges = [size]
    for start in reversed(starts):
        edges.append(int(start[edges[-1]]))
    return few.merged(np.array([0, *reversed(edges)])).values


def _few(points: Points, count: int) -> Points:
    """Merge neighbours to at most count points, spaced by the cube root of the density.

    Each cell gets an equal share of the integral of density^(1/3), with density = mass / gap.
    """
    if points.values.size <= count:
        return points
    gaps = np.gradient(points.values)
    share = np.cumsum(np.cbrt(points.masses * gaps**2))
    cell = np.minimum((share / share[-1] * count).astype(np.intp), count - 1)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    return points.merged(np.append(starts, points.values.size))


def lloyd(points: Points, centroids: np.ndarray, zero: bool = False) -> np.ndarray:
    """Move each centroid to the mean of the points nearest to it, until none moves.

    A centroid without points stays; with zero, so does the one at 0.

    Returns: [k] float64, ascending.
    """
    for _ in range(MOST_ROUNDS):
        middles = (centroids[1:] + centroids[:-1]) / 2
        edges = np.concatenate([[0], np.searchsorted(points.values, middles, side="right"), [points.values.size]])
        mass, total = np.diff(points.mass[edges]), np.diff(points.sum[edges])
        moves = mass > 0
        if zero:
            moves &= centroids != 0
        moved = np.divide(total, mass, out=centroids - points.centre, where=moves) + points.centre
        if np.array_equal(moved, centroids):
            break
        centroids = np.where(moves, moved, centroids)
    return centroids


def assign(tile: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """Index of the nearest value of an ascending codebook [k <= 256], the lower on ties.

    Values must be finite. Exact in float32: a value of the codebook is always assigned to itself.

    Returns: uint8 of the tile's shape.
    """
    # x is beyond k middles: k. One comparison for each, on a piece in cache, beats numpy's binary search:
    # 2.3 against 0.2 GB/s of float32 for 16 levels, 0.24 against 0.09 for 256.
    middles = _middles(codebook, np.result_type(tile.dtype, np.float32))
    codes = np.zeros(tile.size, np.uint8)
    for values, target in zip(pieces(tile.reshape(-1)), pieces(codes), strict=True):
        wide = values.astype(middles.dtype, copy=False)
        beyond = np.empty(values.size, bool)
        for middle in middles:
            np.greater(wide, middle, out=beyond)
            np.add(target, beyond.view(np.uint8), out=target)
    return codes.reshape(tile.shape)


def _middles(codebook: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Midpoints, rounded down to dtype: x > middle then means the same as for the exact midpoint."""
    wide = codebook.astype(np.float64)
    exact = (wide[1:] + wide[:-1]) / 2
    middles = exact.astype(dtype)
    return np.where(middles > exact, np.nextafter(middles, dtype.type(-np.inf)), middles)
