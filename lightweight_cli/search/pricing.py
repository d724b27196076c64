"""What codes take in a file: the one place where the search asks how they will be stored."""

from __future__ import annotations

import numpy as np

from lightweight_cli.numerics import split_tree

LARGE, DEEP = 100_000, 4
"""Weights from which a tree may have so many splits: another 4 to 6 % on models of millions of weights."""
MOST_CODES = 256
"""Different codes that a tree can hold."""
TABLES = 1100
"""Bytes that all weights of a file share, about: candidates of magika came to 890 to 1,280 more than their weights alone."""
CAST = 50
"""Bytes of what widens float16."""
SCALE, SCALES = 2, 60
"""Bytes of a scale where there are several, and of the nodes that apply them."""


def half(size: int) -> float:
    """Return the bytes of so many weights as float16."""
    return 2.0 * size + CAST


def depth_of(size: int) -> int:
    """Return how many splits a tree of so many codes may have."""
    return DEEP if size >= LARGE else split_tree.DEPTH


def lengths(counts: np.ndarray, size: int) -> np.ndarray:
    """Return the bits of each code of a histogram, those that do not occur included; `size`: codes of the whole weight."""
    whole = np.rint(counts * (size / counts.sum())).astype(np.int64)
    return split_tree.best(np.maximum(whole, counts > 0), depth_of(size)).lengths


def nbytes(counts: np.ndarray, scales: int) -> float:
    """Return the bytes of a weight whose codes occur so often; infinite where there are too many different ones."""
    counts = counts[counts > 0]
    if counts.size > MOST_CODES:
        return np.inf
    return split_tree.best(np.rint(counts).astype(np.int64), depth_of(int(counts.sum()))).nbytes + (
        SCALE * scales + SCALES if scales > 1 else 0)
