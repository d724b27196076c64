"""Split trees: codes in groups of equal width, split off one after the other by a bit each.

Codes are taken by falling frequency. One bit a code splits the first group off from the rest, at most `depth` times; every
group is a leaf of fixed width, 2 to 256 codes wide, or of one code, which takes no bits. A tree is the list of its leaves:

    [16]             4 bits a code
    [1, 14]          a bitmask: one bit where the code is the most frequent one, else 1 + 4
    [1, 1, 1, 2]     Huffman's chain

    bits(k, i) = min over s of  tail(i) + n(i, i + s) width(s) + 8 overhead + bits(k - 1, i + s)

with n(i, j) the count of the codes at places i to j, tail(i) = n(i, end), and bits(k, i) of one leaf: tail(i) width(end - i). Chains lose
nothing against other trees over contiguous groups; three splits are within .1 to .2 bit of Huffman's code.

Source: Huffman 1952; Larmore, Hirschberg 1990 (length-limited codes), here with few lengths instead of few levels.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lightweight_cli.numerics.packing import DIGITS

DEPTH = 3
"""Splits beyond which little is gained: one more saves 4 to 6 % on models of millions of weights, nothing on small ones."""
LARGE = 100_000
"""Codes from which a fourth split is worth its nodes."""
BYTE, WIDEST = 256, 1 << 16
"""Codes of a leaf that takes a byte each, and of one that no form here stores: it only prices."""
WIDTHS = {1: 0.0, **{levels: 8 / k for levels, k in sorted(DIGITS.items())}, BYTE: 8.0, WIDEST: 16.0}
"""Bits a code in a leaf of so many codes: what digits of that base in a byte take."""
LEAVES, WIDE = np.array(list(WIDTHS)), np.array(list(WIDTHS.values()))
UNSEEN = 2.0
"""Bits beyond those of the last leaf at which a code is priced that does not occur."""


class Overhead(NamedTuple):
    """Bytes that a tree takes beside its packed codes."""

    leaf: float = 160.0
    """Once: a tree that is one leaf."""
    first: float = 70.0
    """Once where there are splits."""
    split: float = 390.0
    """Each split and the leaf that it adds."""
    single: float = 255.0
    """Each split that takes one code off, which is no leaf to decode."""
    value: float = 4.0
    """Each code that occurs."""


NODES = Overhead()
"""Measured, written as nodes."""
FREE = Overhead(0.0, 0.0, 0.0, 0.0, 0.0)


class SplitTree(NamedTuple):
    """A tree for codes that occur so often."""

    leaves: tuple[int, ...]
    """Codes in each leaf, from the most frequent on."""
    order: np.ndarray
    """[used] int64: the codes that occur, by place."""
    bits: float
    """Of all codes together, before padding."""
    lengths: np.ndarray
    """[L] float64: bits of each code; one that does not occur takes UNSEEN more than the last leaf."""
    nbytes: float
    """Of all codes, and the overhead."""

    @property
    def splits(self) -> int:
        """How many leaves are split off."""
        return len(self.leaves) - 1


def width(size: int) -> float:
    """Bits a code in a leaf of `size` codes."""
    return next(bits for most, bits in WIDTHS.items() if size <= most)


def best(counts: np.ndarray, depth: int = DEPTH, overhead: Overhead = NODES) -> SplitTree:
    """The smallest tree of at most `depth` splits for counts [L] of the codes 0, 1, ..., in any order.

    Raises: ValueError if no code occurs.
    """
    counts = np.asarray(counts, np.int64)
    order = np.argsort(-counts, kind="stable")
    order = order[: int(np.count_nonzero(counts))]
    if not order.size:
        raise ValueError("no code occurs")
    ranked = counts[order]
    leaves = chain(ranked, depth, overhead)
    places = place_bits(leaves)
    lengths = np.full(counts.size, places[-1] + UNSEEN)
    lengths[order] = places
    bits = float(ranked @ places)
    splits = sum(overhead.single if leaf == 1 else overhead.split for leaf in leaves[:-1])
    nodes = overhead.leaf + (overhead.first + splits if splits else 0.0)
    return SplitTree(leaves, order, bits, lengths, bits / 8 + nodes + overhead.value * order.size)


def depth_of(size: int) -> int:
    """Return how many splits the tree of so many codes may have."""
    return DEPTH + (size >= LARGE)


def smallest(counts: np.ndarray) -> float:
    """Return the bytes of the smallest tree of as many splits as these counts may have."""
    return best(counts, depth_of(int(counts.sum()))).nbytes


def chain(counts: np.ndarray, depth: int, overhead: Overhead = NODES) -> tuple[int, ...]:
    """Leaves of the smallest tree for falling counts [n], all positive."""
    step = _table(counts.astype(np.int64).tobytes(), max(depth, DEPTH + 1), overhead).step
    leaves: list[int] = []
    at = 0
    for k in range(depth, -1, -1):
        if step[k, at] == 0:
            break
        leaves.append(int(step[k, at]))
        at += leaves[-1]
    return (*leaves, counts.size - at)


def advantage(counts: np.ndarray) -> float:
    """Bits of the smallest tree with splits for falling counts [n], all positive, for each bit of one leaf; nodes take nothing."""
    return _table(counts.astype(np.int64).tobytes(), DEPTH + 1, FREE).share


class _Table(NamedTuple):
    """The dynamic program of all depths at once."""

    step: np.ndarray
    """[depth + 1, n + 1]: the first leaf of the smallest tree of so many splits from each place on; 0: the rest is one leaf."""
    share: float
    """Bits with splits, at least one, for each bit of one leaf."""


@lru_cache(64)
def _table(falling: bytes, depth: int, overhead: Overhead) -> _Table:
    """Solve for counts as the bytes of int64: a weight's are asked for again and again."""
    counts = np.frombuffer(falling, np.int64)
    size = counts.size
    before = np.concatenate([[0], np.cumsum(counts)]).astype(np.float64)  # [n + 1]: codes before each place
    tail = before[-1] - before
    whole = tail * rest_widths(size)
    bits, step = whole, np.zeros((depth + 1, size + 1), np.int64)  # step 0: the rest is one leaf
    least = np.inf
    leaves = LEAVES[LEAVES < size]
    at = np.arange(size)
    ends = np.minimum(at + leaves[:, None], size)  # [leaf, place]; one that ends at `size` leaves nothing for the rest
    nodes = 8 * np.where(leaves == 1, overhead.single, overhead.split)[:, None]
    alone = tail[:-1] + (before.take(ends) - before[:-1]) * WIDE[: leaves.size, None] + nodes
    alone[ends == size] = np.inf
    for k in range(1, depth + 1 if leaves.size else 0):
        cost = alone + bits.take(ends)
        cost[:, 0] += 8 * overhead.first
        least = min(least, float(cost[:, 0].min()))
        first = cost.argmin(0)
        found = cost.min(0)
        better = found < whole[:-1]
        step[k, :-1][better] = leaves[first[better]]
        bits = whole.copy()
        np.copyto(bits[:-1], found, where=better)
    return _Table(step, least / whole[0] if whole[0] else np.inf)


def rest_widths(size: int) -> np.ndarray:
    """[size + 1]: bits a code of a leaf from each place on."""
    return WIDE[np.searchsorted(LEAVES, size - np.arange(size + 1))]


def place_bits(leaves: tuple[int, ...]) -> np.ndarray:
    """[sum of leaves] float64: bits of the code at each place, its splits and its leaf's width."""
    splits = len(leaves) - 1
    return np.repeat([min(i + 1, splits) + width(leaf) for i, leaf in enumerate(leaves)], leaves)
