"""What codes take in a file: the one place where the search asks how they will be stored."""

from __future__ import annotations

import numpy as np

from lightweight_cli.numerics import split_tree

MOST_CODES = 256
"""Different codes that a tree can hold; of more, low digits are stored beside it."""
DIGITS = (0, 1, 2, 4)
"""Bits that such a digit may have."""
ADDED = 300.0
"""Bytes of the nodes and numbers by which digits are looked up and added."""
TABLES = 1100
"""Bytes that all weights of a file share, about: candidates of magika came to 890 to 1,280 more than their weights alone."""
DENSE, FEW = 80.0, 16
"""Bytes beside codes that take a byte each, more than a packed leaf has: they are their own numbers."""
OWN = 75.0
"""Bytes of the nodes that scale numbers of a byte, where a tree's table has those instead of values of 4."""
BITMASK = 400
"""Bytes of the nodes that put non-zeros in their places."""
CAST = 50
"""Bytes of what widens float16."""
SCALE, SCALES = 2, 60
"""Bytes of a scale where there are several, and of the nodes that apply them."""


def half(size: int) -> float:
    """Return the bytes of so many weights as float16."""
    return 2.0 * size + CAST


def whole(values: np.ndarray) -> float:
    """Return the bytes of weights as they are, zeros as a bitmask where that is smaller."""
    width = values.dtype.itemsize
    return min(width * values.size, width * int(np.count_nonzero(values)) + values.size / 8 + BITMASK)


def lengths(counts: np.ndarray, size: int) -> np.ndarray:
    """Return the bits of each code of a histogram, those that do not occur included; `size`: codes of the whole weight."""
    whole = np.maximum(np.rint(counts * (size / counts.sum())).astype(np.int64), counts > 0)
    bits = digit_bits(whole)
    if not bits:
        return split_tree.best(whole, split_tree.depth_of(size)).lengths
    first = int(np.flatnonzero(whole)[0]) % (1 << bits)
    part = (np.arange(whole.size) - first >> bits) + (first > 0)
    high = np.bincount(part, whole).astype(np.int64)
    return split_tree.best(high, split_tree.depth_of(size)).lengths[part] + bits


def digit_bits(counts: np.ndarray) -> int:
    """Return the fewest low bits of codes, which occur so often, without which a tree can hold them; the most there are if none can."""
    return next((bits for bits in DIGITS if np.count_nonzero(high_parts(counts, bits)) <= MOST_CODES), DIGITS[-1])


def high_parts(counts: np.ndarray, bits: int) -> np.ndarray:
    """Return how often codes occur without so many low bits, from the first on that occurs."""
    used = np.flatnonzero(counts)
    return np.add.reduceat(counts[used[0] : used[-1] + 1], np.arange(0, used[-1] + 1 - used[0], 1 << bits))


def holds(counts: np.ndarray) -> bool:
    """Whether a file can hold codes that occur so often."""
    return int(np.count_nonzero(high_parts(counts, digit_bits(counts)))) <= MOST_CODES


def nbytes(counts: np.ndarray, scales: int) -> float:
    """Return the bytes of a weight whose codes occur so often; infinite where there are too many different ones."""
    bits, size = digit_bits(counts), int(counts.sum())
    high = high_parts(counts, bits)
    high = high[high > 0]
    if high.size > MOST_CODES:
        return np.inf
    digits = ADDED + size * bits / 8 if bits else 0.0
    tree = split_tree.best(np.rint(high).astype(np.int64), split_tree.depth_of(size)).nbytes
    dense = size + DENSE if high.size > FEW else np.inf
    return min(tree - max(0.0, 3.0 * high.size - OWN), dense) + digits + (SCALE * scales + SCALES if scales > 1 else 0)
