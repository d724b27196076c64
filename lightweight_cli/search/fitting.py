"""Which items can hold a weight: those that clip no outlier, in as many different codes as a file can have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightweight_cli.numerics import affine, scales
from lightweight_cli.numerics.grid import Uniform
from lightweight_cli.search import pricing
from lightweight_cli.search.items import SAFE, WIDE, Item

COARSER = 1.25
"""Times the step where its codes are too many: clipping them instead took PP-OCRv4 rec's strings away."""
TINY = 16
"""Times the smallest normal number of float16 that the rms of a weight has at least."""


def laid(matrix: np.ndarray, item: Item) -> Uniform:
    """Return the grid of an item over a weight [groups, outputs, inputs]."""
    shape = (*matrix.shape[:2], 1) if item.per_output else (1, 1, 1)
    if not item.bits:
        return scales.step(matrix, shape, item.step, item.reach)
    largest = scales.reduced(np.maximum, np.abs(matrix), shape).astype(np.float64)
    scale = np.where(largest > 0, np.maximum(largest / item.clip, affine.SMALLEST_NORMAL), 1.0)
    return Uniform(scale.astype(np.float32), -item.clip, item.clip)


def halved(grid: Uniform) -> Uniform:
    """Return a grid with the scales of many outputs in float16, where that holds them."""
    small = grid.scale.size > 1 and scales.halved(grid.scale)
    return grid._replace(scale=scales.narrowed(grid.scale, np.float16)) if small else grid


def fitting(matrix: np.ndarray, menu: Sequence[Item]) -> tuple[Item, ...]:
    """Return the items that hold a weight [groups, outputs, inputs], rounded to nearest, the finest first.

    Depthwise kernels and what is looked up have their finest step first, where that holds them; all else 8 bits for each output.
    """
    plain = [item for item in menu if item.clip == WIDE]
    first = next((i for i, item in enumerate(plain) if fits(matrix, item)), len(plain) - 1)
    fine = first == 0 and len(plain) == len(menu)
    return (*(() if fine else (SAFE,)), *plain[first:], *(item for item in menu if item.clip != WIDE))


def halves(matrix: np.ndarray) -> bool:
    """Whether float16 holds a weight: none of its values is too large, and few are below its normal numbers."""
    largest = float(np.abs(matrix).max(initial=0.0))
    return largest <= affine.HALF_NORMAL[1] and float(np.sqrt(np.mean(np.square(matrix, dtype=np.float64)))) >= TINY * affine.HALF_NORMAL[0]


def fits(matrix: np.ndarray, item: Item) -> bool:
    """Whether a weight has no more codes, and no larger ones, than can be stored."""
    scale = laid(matrix, item).scale
    largest = float((np.maximum(matrix.max(2, keepdims=True), -matrix.min(2, keepdims=True)) / scale).max())
    if not largest < item.reach + 0.5:
        return False
    return 2 * largest + 2 < pricing.MOST_CODES or holds(np.rint(matrix / scale))


def holds(codes: np.ndarray) -> bool:
    """Whether a file can hold these codes."""
    codes = codes.reshape(-1).astype(np.intp)  # bincount's own type
    return pricing.holds(np.bincount(codes - codes.min()))


def coarser(item: Item) -> Item:
    """Return the item that is tried where the codes of this one are too many."""
    return item._replace(step=float(f"{item.step * COARSER:.4g}"))
