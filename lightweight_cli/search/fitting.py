"""Which items can hold a weight: those that clip no outlier, in as many different codes as a file can have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightweight_cli.numerics import scales
from lightweight_cli.search import pricing
from lightweight_cli.search.items import WIDE, Item

COARSER = 1.25
"""Times the step where its codes are too many: clipping them instead took PP-OCRv4 rec's strings away."""


def scales_of(matrix: np.ndarray, item: Item) -> scales.Shape:
    """Return the shape of an item's scales for a weight [groups, outputs, inputs]."""
    return (*matrix.shape[:2], 1) if item.per_output else (1, 1, 1)


def fitting(matrix: np.ndarray, menu: Sequence[Item]) -> tuple[Item, ...]:
    """Return the items that hold a weight [groups, outputs, inputs], rounded to nearest, the finest first.

    The very first has a scale for each output, where there is one as fine: one scale for all is too coarse for those that are much
    smaller than the others. What is looked up has one scale, if that can be as fine as asked for.
    """
    plain = [item for item in menu if item.clip == WIDE]
    first = next((i for i, item in enumerate(plain) if fits(matrix, item)), len(plain) - 1)
    most = first if len(plain) == len(menu) else first + 1
    finer = (item._replace(per_output=True) for item in plain[:most] if not item.per_output)
    apart = next((item for item in finer if fits(matrix, item)), None)
    return (*([apart] if apart else ()), *plain[first:], *(item for item in menu if item.clip != WIDE))


def fits(matrix: np.ndarray, item: Item) -> bool:
    """Whether a weight has no more codes, and no larger ones, than can be stored."""
    scale = scales.step(matrix, scales_of(matrix, item), item.step, item.clip).scale
    largest = float((np.maximum(matrix.max(2, keepdims=True), -matrix.min(2, keepdims=True)) / scale).max())
    if not largest < item.clip + 0.5:
        return False
    return 2 * largest + 2 < pricing.MOST_CODES or holds(np.rint(matrix / scale))


def holds(codes: np.ndarray) -> bool:
    """Whether a tree can hold these codes."""
    codes = codes.reshape(-1).astype(np.intp)  # bincount's own type
    return int(np.count_nonzero(np.bincount(codes - codes.min()))) <= pricing.MOST_CODES


def coarser(item: Item) -> Item:
    """Return the item that is tried where the codes of this one are too many."""
    return item._replace(step=float(f"{item.step * COARSER:.4g}"))
