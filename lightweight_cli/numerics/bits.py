"""Floats as unsigned integers: equal bits are equal values, magnitude bits sort as |w|."""

from __future__ import annotations

from typing import Any

import numpy as np

# Unsigned integers as wide as a value, by its bytes.
UNSIGNED: dict[int, np.dtype[Any]] = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}

# Bits of +inf, by dtype name: magnitudes above are NaN. bfloat16 is the dtype of package ml_dtypes.
INFINITY = {"float16": 0x7C00, "bfloat16": 0x7F80, "float32": 0x7F80_0000, "float64": 0x7FF0_0000_0000_0000}


def bits(values: np.ndarray) -> np.ndarray:
    """Bit patterns of an array, flat; a view if it is contiguous.

    Returns: [size] unsigned integers as wide as the values.
    """
    return np.ascontiguousarray(values).reshape(-1).view(UNSIGNED[values.dtype.itemsize])


def magnitude_bits(values: np.ndarray) -> np.ndarray:
    """Bit patterns without the sign: as unsigned integers they sort as |w|, NaN last.

    Returns: [size] unsigned integers, a new array.
    """
    patterns = bits(values)
    return np.bitwise_and(patterns, patterns.dtype.type(sign_bit(values.dtype) - 1))


def sign_bit(dtype: np.dtype) -> int:
    """The highest bit of a dtype."""
    return 1 << (8 * dtype.itemsize - 1)


def total_order(patterns: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Keys that sort bit patterns of floats by value: -NaN, -inf, ..., -0, +0, ..., +inf, +NaN.

    Returns: unsigned integers of the same shape.
    """
    signed, width = np.dtype(f"i{dtype.itemsize}"), 8 * dtype.itemsize
    flips = np.right_shift(patterns.view(signed), signed.type(width - 1)).view(patterns.dtype)  # all bits if negative
    flips |= patterns.dtype.type(sign_bit(dtype))  # the sign alone if not
    return np.bitwise_xor(patterns, flips, out=flips)
