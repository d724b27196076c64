"""Integers times a scale that another tool left as floats: the scale of each group is found, or nothing.

    estimate   the smallest gap between a group's values, or a few of its divisors, refined by the largest value
    interval   float32(q * s) = w  means  (w - ulp / 2) / q <= s <= (w + ulp / 2) / q: met for all w of the group
    verify     every w is computed from the stored integers and the float32 s in the middle, and compared bit for bit

Bounds are float64, where no float32 overflows: a group is one of zeros because its integers are, not because a bound is infinite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Groups = tuple[int, int, int]
Slabs = Callable[[], "Iterator[tuple[slice, np.ndarray]]"]
LARGEST = 255
"""Largest |q|: of 8 bits with any zero point."""
DIVISORS = (1, 2, 3, 4)
"""Steps of the grid that the smallest gap in a group may be."""
NEAR = 0.02
"""Distance of w / s from a whole number while s is an estimate; its own error makes less than 0.01 at q = 255."""


@dataclass
class Grid:
    """Scales [A, 1, P] float32 of a weight seen as [A, R, P], and the range of its integers in each group."""

    groups: Groups
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def codes(self, slabs: Slabs, zero_point: np.ndarray | None) -> Iterator[np.ndarray]:
        """Yield the integers plus the zero point, as int8 without one, else as uint8.

        Raises: ValueError where integer times scale is not the weight, bit for bit.
        """
        for rows, tile in slabs():
            scale, shift = self.scale[rows], np.float32(0) if zero_point is None else zero_point[rows].astype(np.float32)
            kind = np.int8 if zero_point is None else np.uint8
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not the weight
                whole = np.rint(tile / scale) + shift
                codes = np.clip(whole, np.iinfo(kind).min, np.iinfo(kind).max).astype(kind)
                again = (codes.astype(np.float32) - shift) * scale
            if not np.array_equal(again.view(np.uint32), np.ascontiguousarray(tile).view(np.uint32)):
                raise ValueError("not on a grid")
            yield codes.reshape(-1)


def fit(slabs: Slabs, groups: Groups) -> Grid | None:
    """Return the grid that float32 weights may lie on, or None where they do not; `codes` verifies it."""
    a, _, p = groups
    estimated, seen = np.zeros((a, 1, p)), np.zeros(a, bool)
    least, most = np.zeros((a, 1, p)), np.full((a, 1, p), np.inf)
    low, high = np.zeros((2, a, 1, p), np.int64)
    for rows, tile in slabs():
        if not np.isfinite(tile).all():
            return None
        if not seen[rows].all():
            found = estimate(tile)
            if found is None:
                return None
            estimated[rows], seen[rows] = found, True
        ratio = tile / estimated[rows]
        q = np.rint(ratio)
        if not _near(ratio, q).all():
            return None
        magnitude, steps = np.abs(tile), np.abs(q)
        steps[steps == 0] = np.inf
        wide, below, above = neighbours(magnitude)
        np.maximum(least[rows], ((wide + below) / 2 / steps).max(axis=1, keepdims=True), out=least[rows])
        top = np.where(q == 0, np.inf, (wide + above) / 2 / steps)
        np.minimum(most[rows], top.min(axis=1, keepdims=True), out=most[rows])
        np.minimum(low[rows], q.min(axis=1, keepdims=True), out=low[rows], casting="unsafe")
        np.maximum(high[rows], q.max(axis=1, keepdims=True), out=high[rows], casting="unsafe")
    if (least > most).any() or (high - low).max() > LARGEST:
        return None
    zeros = (low == 0) & (high == 0)
    middle = (least + np.where(zeros, 0, most)) / 2
    return Grid(groups, np.where(zeros, 1, middle).astype(np.float32), low, high)


def neighbours(magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return float32 magnitudes and the next numbers below and above them, as float64.

    Above the largest comes what would follow if exponents went on.
    """
    wide, below = magnitude.astype(np.float64), np.nextafter(magnitude, np.float32(0)).astype(np.float64)
    with np.errstate(over="ignore"):
        above = np.nextafter(magnitude, np.float32(np.inf)).astype(np.float64)
    return wide, below, np.where(np.isinf(above), 2 * wide - below, above)


def estimate(tile: np.ndarray) -> np.ndarray | None:
    """Return the likely scales [a, 1, p] of a finite tile [a, r, p], 1 for groups of zeros; None where one has none."""
    magnitude = np.abs(tile.transpose(0, 2, 1))
    ordered = np.sort(np.concatenate([np.zeros_like(magnitude[..., :1]), magnitude], axis=2), axis=2).astype(np.float64)
    gaps = np.diff(ordered, axis=2)
    gaps[gaps == 0] = np.inf
    gap, largest = gaps.min(axis=2), ordered[..., -1]
    empty = np.isinf(gap)
    gap[empty], chosen = 1.0, np.zeros(gap.shape)
    for divisor in DIVISORS:
        steps = np.rint(largest * divisor / gap)
        refined = np.divide(largest, steps, out=np.ones_like(gap), where=steps > 0)
        ratio = ordered / refined[..., None]
        fits = (_near(ratio, np.rint(ratio)).all(axis=2)) & (steps <= LARGEST) & (chosen == 0)
        chosen[fits] = refined[fits]
        if (chosen > 0).all():
            return np.where(empty, 1.0, chosen)[:, None, :]
    return None


def _near(ratio: np.ndarray, q: np.ndarray) -> np.ndarray:
    return (np.abs(ratio - q) < NEAR) & (np.abs(q) <= LARGEST) & ((q != 0) | (ratio == 0))
