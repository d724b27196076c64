"""What only the bytes of the weights tell: zeros and distinct values."""

from __future__ import annotations

import numpy as np

from lightweight_cli.errors import InputError, printable
from lightweight_cli.inspect.rows import Row
from lightweight_cli.inspect.source import Source
from lightweight_cli.inspect.tensors import DTYPES

TILE = 1 << 20
"""Elements looked at together."""
MANY_VALUES = 1 << 16
"""Distinct values are counted up to here: more can't be indexed with 16 bits."""
# Fields whose bytes are the values one after the other: raw_data, float_data, double_data.
FLAT_TAGS = (74, 34, 82)
SIGNED_ZERO_DTYPES = frozenset({1, 10, 11, 16, 17, 19})
"""Float types in which the sign bit is the first, and all others are 0 exactly for zero."""


def look_into(rows: list[Row], source: Source) -> None:
    """Count zeros and distinct values to the rows of plain floating-point tensors.

    Raises: InputError when external data are missing.
    """
    for row in rows:
        tensor = row.stored.tensor
        flat = tensor.external is not None or tensor.tag in FLAT_TAGS
        if row.decoded_by or row.shared or tensor.dtype not in SIGNED_ZERO_DTYPES or not flat or tensor.sparse:
            continue
        size = DTYPES[tensor.dtype][1] // 8
        payload = source.payload(row.stored)
        if len(payload) != size * (row.elements or 0):
            raise InputError(f"{printable(source.name)}: tensor {printable(row.value.name)} of shape "
                             f"{printable(list(tensor.dims))} has {len(payload)} bytes")  # fmt: skip
        values = np.frombuffer(payload, f"<u{size}")
        zeros = sum(tile.size - np.count_nonzero(tile << 1) for tile in _tiles(values))
        row.zeros, row.distinct = int(zeros), _distinct(values)


def _tiles(values: np.ndarray) -> list[np.ndarray]:
    return [values[at : at + TILE] for at in range(0, values.size, TILE)]


def _distinct(values: np.ndarray) -> int | None:
    """Count distinct bit patterns, or return None when there are more than MANY_VALUES."""
    if np.unique(values[: 2 * MANY_VALUES]).size > MANY_VALUES:
        return None
    seen = values[:0]
    for tile in _tiles(values):
        seen = np.union1d(seen, tile)
        if seen.size > MANY_VALUES:
            return None
    return int(seen.size)
