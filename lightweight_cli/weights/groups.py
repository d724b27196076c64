"""Granularity: how a weight is seen as [A, R, P], where the R weights of a group share a scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

Groups = tuple[int, int, int]
FOUR = 4
"""OpenVINO 2026.4 multiplies right by a weight in blocks of 20, 28, 32, 64 and 100, and wrong, without a word, by one in blocks of 9, 10,
17, 18, 25 to 27, 30, 45, 50 and 75: 15 to 33 dB of the product."""


def channels_of(shape: tuple[int, ...], axes: tuple[int, ...]) -> Groups:
    """Return the groups that have one scale for each index along the channel `axes`.

    The other axes must stand together; where they do not, each gets its own scales but the last run of them.
    """
    others = [i for i in range(len(shape)) if i not in axes]
    if not axes or not others:
        return 1, math.prod(shape), 1
    last = others[-1]
    first = last
    while first - 1 in others:
        first -= 1
    return math.prod(shape[:first]), math.prod(shape[first : last + 1]), math.prod(shape[last + 1 :])


def blocks_of(groups: Groups, block_size: int) -> Groups:
    """Split R into blocks: of `block_size`, or of the divisor of R nearest to it, at most twice as large; multiples of FOUR come first."""
    a, r, p = groups
    fits = [d for d in range(max(1, block_size // 2), 2 * block_size + 1) if r % d == 0]
    if r <= block_size or not fits:
        return groups
    fits = [block_size] if block_size in fits else [d for d in fits if d % FOUR == 0] or fits
    block = min(fits, key=lambda d: (abs(math.log(d / block_size)), d))
    return a * (r // block), block, p


def tiles(parts: Iterable[np.ndarray], groups: Groups, limit: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Cut flat values that come in parts into tiles of [A, R, P] of about `limit` values: whole groups, or rows of one.

    Yields: the tile's rows of A, and the tile [a, r, p].
    """
    a, r, p = groups
    whole = r * p <= limit  # else a tile is a part of one group's rows
    unit = r * p if whole else p
    step = max(1, limit // unit) * unit
    done, rest = 0, np.empty(0, np.float32)
    for part in parts:
        rest = np.concatenate([rest, part]) if rest.size else part
        while rest.size >= step or (rest.size and done + rest.size == a * r * p):
            count = min(step, rest.size, a * r * p if whole else r * p - done % (r * p))
            first, rows = done // (r * p), count // unit if whole else 1
            yield slice(first, first + rows), rest[:count].reshape(rows, -1, p)
            rest, done = rest[count:], done + count
