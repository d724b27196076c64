"""Numbers of values in a short sorted list, by counting the edges below them.

A value's number is how many edges it is beyond. One comparison with each edge, on a piece in cache, beats numpy's
binary search: 2.3 against 0.2 GB/s of float32 for 16 values, 0.24 against 0.09 for 256.
"""

from __future__ import annotations

import numpy as np

from .bits import INFINITY, bits, total_order
from .tiles import pieces


def beyond(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many of <= 255 edges each value is greater than; compared in the edges' type.

    Returns: uint8 of the shape of values.
    """
    codes = np.zeros(values.size, np.uint8)
    for piece, target in zip(pieces(values.reshape(-1)), pieces(codes), strict=True):
        wide = piece.astype(edges.dtype, copy=False)
        greater = np.empty(piece.size, bool)
        for edge in edges:
            np.greater(wide, edge, out=greater)
            np.add(target, greater.view(np.uint8), out=target)
    return codes.reshape(values.shape)


def lookup(chunk: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Index of each element in a list that has them all, by bit pattern: -0.0 is not 0.0, NaN are found.

    values [k <= 256] of the chunk's type, in IEEE total order as `stats.statistics` gives them.

    Returns: uint8 of the chunk's shape, with values[index] bit-identical to the chunk.
    """
    return beyond(_keys(chunk), _keys(values)[:-1]).reshape(chunk.shape)


def _keys(values: np.ndarray) -> np.ndarray:
    """Integers that sort as the values do in total order, flat."""
    return total_order(bits(values), values.dtype) if values.dtype.name in INFINITY else values.reshape(-1)
