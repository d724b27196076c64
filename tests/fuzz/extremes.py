"""Arrays of every float type as no network should have them: at the edges of their types, of others, and between."""

from __future__ import annotations

import random
from collections.abc import Callable

import ml_dtypes
import numpy as np

TYPES = {"float32": np.float32, "float64": np.float64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16,
         "float8_e4m3fn": ml_dtypes.float8_e4m3fn, "float8_e5m2": ml_dtypes.float8_e5m2,
         "float8_e4m3fnuz": ml_dtypes.float8_e4m3fnuz, "float8_e5m2fnuz": ml_dtypes.float8_e5m2fnuz}
WIDE = ("float32", "float64", "float16", "bfloat16")
LARGEST, SMALLEST, HALF_LARGEST, HALF_SMALLEST = 3.4028234663852886e38, 1.401298464324817e-45, 65504.0, 5.960464477539063e-08
"""Of float32 and of float16."""
EDGES = [0.0, 1.0, LARGEST, 3.4028235677973366e38, 1.7014118e38, 1.1754943508222875e-38, SMALLEST,
         7.006492321624085e-46, 2.0e-45, HALF_LARGEST, 65519.99, 65520.0, HALF_SMALLEST, 2.9802322387695312e-08, 6.097555e-05,
         3.3895313892515355e38, 3.3961775292304957e38, 9.1835496157991212e-41, 448.0, 464.0, 240.0, 57344.0, 61440.0, 1e9, 1e-30,
         16777217.0, 1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, 255.0, 128.0, 2147483648.0]
"""Largest, smallest normal and subnormal of each type, what just rounds to them or past them, and masks' numbers."""
Rng = np.random.Generator


def cast(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return values in a type; what it does not hold becomes infinite, NaN or zero."""
    with np.errstate(all="ignore"):
        return values.astype(dtype)


def edges(dtype: np.dtype) -> np.ndarray:
    """Return the numbers at the edges in a type, both signs, infinities, and NaN with payloads."""
    plain = np.array([*EDGES, np.inf], np.float64)
    whole = np.dtype(f"u{dtype.itemsize}")
    top = 1 << (8 * dtype.itemsize - 1)
    patterns = [top - 1, 2 * top - 1, top, 1, top + 1, int(cast(np.array([np.inf]), dtype).view(whole)[0]) + 1 & (2 * top - 1)]
    return np.concatenate([cast(plain, dtype), cast(-plain, dtype), np.array(patterns, whole).view(dtype)])


def mask(rng: Rng, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A causal mask: zero, and one other number above the diagonal."""
    other = rng.choice(edges(dtype).view(f"u{dtype.itemsize}")).view(dtype)
    flat = np.zeros((int(np.prod(shape[:-1])), shape[-1]), dtype)
    flat[np.triu(np.ones(flat.shape, bool), 1)] = other
    return flat.reshape(shape)


def constant(rng: Rng, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """One value everywhere."""
    return np.full(shape, rng.choice(edges(dtype).view(f"u{dtype.itemsize}"))).view(dtype)


def few(rng: Rng, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A few of the edges."""
    chosen = rng.choice(edges(dtype).view(f"u{dtype.itemsize}"), rng.integers(2, 9))
    return rng.choice(chosen, shape).view(dtype)


def any_bits(rng: Rng, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """All patterns of bits, one like the other: a share of NaN, and every magnitude."""
    return rng.integers(0, 1 << (8 * dtype.itemsize), shape, np.uint64).astype(f"u{dtype.itemsize}").view(dtype)


def grid(rng: Rng, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Integers times scales of the tensor, its columns, rows or blocks: huge, tiny, ordinary; some groups of zeros."""
    limit = int(rng.choice([1, 2, 7, 100, 127, 128, 255]))
    low = int(rng.choice([0, -limit]))
    q = rng.integers(low, limit, shape, endpoint=True).astype(np.float64)
    ways = [[1] * len(shape), [*[1] * (len(shape) - 1), shape[-1]], [*shape[:-1], 1], [shape[0], *[1] * (len(shape) - 1)]]
    spread = ways[rng.integers(len(ways))]
    scales = rng.choice([LARGEST / limit, LARGEST / 255, SMALLEST, 3 * SMALLEST, 1e-40, 1.1754943508222875e-38, 0.013, 1.0, 0.0,
                         HALF_LARGEST / limit, HALF_SMALLEST, 1e300], spread)
    scales = np.where(rng.random(spread) < 0.5, scales.flat[0], scales)
    scales = cast(cast(scales, np.dtype(np.float32)).astype(np.float64), dtype) if dtype != np.float64 else scales
    with np.errstate(all="ignore"):
        return (cast(q, dtype) * scales).astype(dtype)


def narrow(rng: Rng, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """What a narrower type holds, infinities and NaN included, and perhaps one value that it does not."""
    inner = np.dtype(TYPES[str(rng.choice(WIDE[2:] + WIDE[:1]))])
    values = cast(any_bits(rng, shape, inner), dtype)
    if rng.random() < 0.3:
        values.reshape(-1)[-1:] = edges(dtype)[rng.integers(len(edges(dtype)))]
    return values


def sparse(rng: Rng, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Mostly zeros, of one sign or both; the rest of another kind."""
    values = KINDS[rng.integers(len(KINDS))](rng, shape, dtype).copy()
    values[rng.random(shape) < rng.choice([0.5, 0.9, 0.99])] = dtype.type(rng.choice([0.0, 0.0, -0.0]))
    return values


def rows(rng: Rng, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Few distinct rows of another kind."""
    values = KINDS[rng.integers(len(KINDS))](rng, shape, dtype)
    return np.ascontiguousarray(values[rng.integers(0, max(1, shape[0] // 4), shape[0])])


def ordinary(rng: Rng, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Normal numbers at an odd scale, and one edge among them."""
    values = cast(rng.standard_normal(shape) * rng.choice([1.0, 1e-40, 1e38, 1e-6]), dtype)
    values.reshape(-1)[:1] = edges(dtype)[rng.integers(len(edges(dtype)))]
    return values


KINDS: list[Callable[[Rng, tuple[int, ...], np.dtype], np.ndarray]] = [mask, constant, few, any_bits, grid, grid, narrow, ordinary]


def array(choose: random.Random, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return extreme values of a shape and type."""
    return choose.choice([*KINDS, sparse, sparse, rows])(np.random.default_rng(choose.getrandbits(32)), shape, dtype)
