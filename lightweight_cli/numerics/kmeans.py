"""Shared values: the k numbers that a tensor's weights are nearest to, in one dimension.

    seed     optimal k-means by dynamic programming, over <= 512 points merged from a sketch of the weights
    Lloyd    on all points of the sketch, by prefix sums, until nothing moves
    assign   the nearest of the k for every weight

Weighted means, no randomness: the same weights always give the same codebook.

Source: Han et al. 2016, arXiv:1510.00149, section 3 (weight sharing); Wang, Song 2011, R Journal 3/2 (optimal 1-D
k-means); Lloyd 1982; Panter, Dite 1951 (spacing by the cube root of the density).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .lookup import beyond
from .sketch import Points
from .stats import distinct

# Points of the dynamic program: k passes over half a matrix of points^2.
POINTS_PER_CENTROID = 16
MOST_POINTS = 512
MOST_ROUNDS = 1000


def codebook(points: Points, levels: int, zero: bool = False, pinned: Iterable[float] = ()) -> np.ndarray:
    """At most `levels` values that minimise the mass-weighted squared distance.

    With zero, one of them is exactly 0 and stays there, so that zeros are kept; so do pinned values, whatever they cost.

    Returns: [<= levels] float32, ascending, distinct; fewer if there are fewer distinct weights.
    Raises: ValueError if more values are fixed than there are levels.
    """
    fixed = distinct(np.array([*pinned, *([0.0] if zero else [])]))
    if fixed.size > levels:
        raise ValueError(f"levels {levels}: {fixed.size} values are fixed")
    others = ~np.isin(points.values, fixed)
    free = Points(points.values[others], points.masses[others])
    wanted = min(levels - fixed.size, free.values.size)
    if wanted < free.values.size:
        centroids = np.sort(np.concatenate([seed(free, wanted), fixed])) if wanted else fixed
        centroids = lloyd(free, centroids, fixed)
    else:
        centroids = np.concatenate([free.values, fixed])
    return distinct(centroids.astype(np.float32) + np.float32(0))  # -0 becomes +0


def seed(points: Points, levels: int) -> np.ndarray:
    """Optimal centroids of the points, merged to a few hundred first if there are more.

    D[m, j] is the least cost of the first j points in m cells:
        D[m, j] = min over i < j of D[m - 1, i] + cost[i, j]

    Returns: [levels] float64, ascending.
    """
    few = _few(points, min(MOST_POINTS, POINTS_PER_CENTROID * levels))
    cost = _costs(few)
    least, starts = cost[0], []
    for _ in range(levels - 1):
        candidates = least[:, None] + cost
        starts.append(np.argmin(candidates, axis=0))
        least = np.min(candidates, axis=0)
    edges = [few.values.size]
    for start in reversed(starts):
        edges.append(int(start[edges[-1]]))
    return few.means(np.array([0, *reversed(edges)]))[1]


def _costs(points: Points) -> np.ndarray:
    """Squared distance of points i..j-1 to their mean: sum m x^2 - (sum m x)^2 / sum m, infinite where i >= j.

    Returns: [m + 1, m + 1] float64.
    """
    size = points.values.size
    centred = points.values - np.average(points.values, weights=points.masses)  # so that squares lose no digits
    prefixes = np.zeros((3, size + 1))
    np.cumsum(points.masses * centred ** np.arange(3)[:, None], axis=1, out=prefixes[:, 1:])
    mass, total, square = (prefix[None, :] - prefix[:, None] for prefix in prefixes)
    cost = square - np.divide(total**2, mass, out=np.zeros_like(square), where=mass > 0)
    cost[np.tril_indices(size + 1)] = np.inf
    return cost


def _few(points: Points, count: int) -> Points:
    """Merge neighbours to at most count points, spaced by the cube root of the density.

    Each cell gets an equal share of the integral of density^(1/3), with density = mass / gap.
    """
    if points.values.size <= count:
        return points
    share = np.cumsum(np.cbrt(points.masses * np.gradient(points.values) ** 2))
    cell = np.minimum((share / share[-1] * count).astype(np.intp), count - 1)
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    masses, means = points.means(np.append(starts, points.values.size))
    return Points(means, masses)


def lloyd(points: Points, centroids: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Move each centroid to the mean of the points nearest to it, until none moves.

    A centroid without points stays, and so do those that are fixed.

    Returns: [k] float64, ascending.
    """
    for _ in range(MOST_ROUNDS):
        middles = (centroids[1:] + centroids[:-1]) / 2
        edges = np.concatenate([[0], np.searchsorted(points.values, middles, side="right"), [points.values.size]])
        masses, means = points.means(edges)
        stays = (masses == 0) | np.isin(centroids, fixed)
        moved = np.where(stays, centroids, means)
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids


def assign(tile: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """Index of the nearest value of an ascending codebook [k <= 256], the lower on ties.

    Values must be finite. Exact in float32: a value of the codebook is always assigned to itself.

    Returns: uint8 of the tile's shape.
    """
    return beyond(tile, _middles(codebook, np.result_type(tile.dtype, np.float32)))


def _middles(codebook: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Midpoints, rounded down to dtype: x > middle then means the same as for the exact midpoint."""
    wide = codebook.astype(np.float64)
    exact = (wide[1:] + wide[:-1]) / 2
    middles = exact.astype(dtype)
    return np.where(middles > exact, np.nextafter(middles, dtype.type(-np.inf)), middles)
