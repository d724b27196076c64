"""Uniform grids: a weight becomes integers times a scale per group.

A weight is seen as [A, R, P], in its own flat order; a group shares one scale along R, so scales are [A, 1, P]:

    MatMul [K, N]     per channel A=1 R=K P=N     blocks of b  A=K/b R=b P=N
    Conv [O, ...]     per channel A=O R=rest P=1  blocks of b  A=O*rest/b R=b P=1
    any               per tensor  A=1 R=size P=1

    symmetric         w ~ scale * q               q in [-2^(b-1), 2^(b-1) - 1], scale = max|w| / (2^(b-1) - 1)
    asymmetric        w ~ scale * (q - z)         q in [0, 2^b - 1], scale = (max - min) / (2^b - 1), 0 in [min, max]

Source: Jacob et al. 2018, arXiv:1712.05877, section 2; ONNX QuantizeLinear and DequantizeLinear.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .tiles import CACHE_ELEMENTS, tiles

EXTENT_TILE = 4 * CACHE_ELEMENTS
"""Elements whose extent is looked for at once: nothing is written, so that they need not stay in a core's own cache."""

SMALLEST_NORMAL = float(np.finfo(np.float32).smallest_normal)
HALF_NORMAL = (float(np.finfo(np.float16).smallest_normal), float(np.finfo(np.float16).max))

# Below these, numpy's reduction spends its time per row: [A, R, P] is copied to [R, A, P] first.
# [A, 32, 1]: 1.1 to 2.1 GB/s direct, 4.4 copied; [A, 512, 1]: 6.6 direct, 2.4 copied; [A, 32, 64]: 2.8 direct.
SHORT_GROUP = 256
SHORT_ROW = 64


class Grid(NamedTuple):
    """The scales of a weight, and what had to be done to get them."""

    scale: np.ndarray  # [A, 1, P] float32, positive and normal
    zero_point: np.ndarray | None  # [A, 1, P] uint8; None if symmetric
    half: bool  # every scale is a normal float16 value
    underflow: int  # groups whose own scale would be below float32's normal range: raised to its edge


def extent(tile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each group of one tile [a, r, p].

    Tiles that split R are merged by np.minimum and np.maximum. A NaN or infinity shows as a non-finite extent; an
    empty group has (inf, -inf).

    Returns: min and max, each [a, 1, p], float64 for float64 weights, else float32.
    """
    a_size, _, p_size = tile.shape
    dtype = np.result_type(tile.dtype, np.float32)
    low, high = np.full((a_size, 1, p_size), np.inf, dtype), np.full((a_size, 1, p_size), -np.inf, dtype)
    for index in tiles(tile.shape, EXTENT_TILE):
        part = tile[index]
        if part.dtype != dtype or (part.shape[2] < SHORT_ROW and 1 < part.shape[1] < SHORT_GROUP):
            part = np.ascontiguousarray(part.transpose(1, 0, 2), dtype).transpose(1, 0, 2)
        group = low[index[0], :, index[2]], high[index[0], :, index[2]]
        np.minimum(group[0], np.minimum.reduce(part, axis=1, keepdims=True), out=group[0])
        np.maximum(group[1], np.maximum.reduce(part, axis=1, keepdims=True), out=group[1])
    return low, high


def code_range(bits: int, symmetric: bool) -> tuple[int, int]:
    """Lowest and highest code of a grid.

    Raises: ValueError if bits is not in 1..8 (2..8 if symmetric).
    """
    if not (2 if symmetric else 1) <= bits <= 8:
        raise ValueError(f"bits {bits}: allowed are {2 if symmetric else 1} to 8")
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if symmetric else (0, (1 << bits) - 1)


def level_range(levels: int, symmetric: bool) -> tuple[int, int]:
    """Lowest and highest code of a grid of any number of values: -1 to 1 of three, -3 to 2 of six.

    Raises: ValueError if levels is not in 2..256.
    """
    if not 2 <= levels <= 256:
        raise ValueError(f"levels {levels}: allowed are 2 to 256")
    return (-(levels // 2), (levels - 1) // 2) if symmetric else (0, levels - 1)


def scales(
    low: np.ndarray, high: np.ndarray, bits: int, symmetric: bool, half: bool = False, dtype: npt.DTypeLike = np.float32,
    levels: int | None = None,
) -> Grid:
    """Scale and zero point of each group from its extent.

    The range is widened to include 0, which has a code of its own. A group of zeros has scale 1. With half, scales
    are rounded up to float16 values, so that nothing clips; if any is outside float16's normal range, or would take
    values beyond the range of dtype, the weights' type, none is. levels instead of 2^bits values: `level_range`.

    Returns: the grid, in the shape of low.
    Raises: ValueError if an extent is not finite, or too wide for codes times scale to stay finite in dtype.
    """
    _, top = code_range(bits, symmetric) if levels is None else level_range(levels, symmetric)
    half_range = top if levels is None else (levels - 1) / 2
    reach_of = top if levels is None else levels // 2
    low64, high64 = np.minimum(low, 0.0, dtype=np.float64), np.maximum(high, 0.0, dtype=np.float64)
    if not (np.isfinite(low64).all() and np.isfinite(high64).all()):
        raise ValueError("weights are not finite")
    exact = np.maximum(-low64, high64) / half_range if symmetric else high64 / top - low64 / top
    used = (low64 < 0) | (high64 > 0)
    half = half and bool(np.all(~used | ((exact >= HALF_NORMAL[0]) & (exact <= HALF_NORMAL[1]))))
    exact[~used] = 1.0
    small = exact < SMALLEST_NORMAL
    exact[small] = SMALLEST_NORMAL
    with np.errstate(over="ignore"):  # looked at just below
        scale = _half_above(exact) if half else exact.astype(np.float32)
        zero = None if symmetric else np.clip(np.rint(-low64 / scale), 0, top).astype(np.uint8)
        reach = reach_of if zero is None else np.maximum(zero, top - zero)  # the largest |q - z|
        if not np.isfinite((scale * np.asarray(reach, np.float32)).astype(dtype)).all():
            if half:
                return scales(low, high, bits, symmetric, False, dtype, levels)
            kind = np.float32 if not np.isfinite(scale).all() else dtype
            raise ValueError(f"weights from {low64.min():g} to {high64.max():g} overflow {np.dtype(kind)} in {bits} bits")
    return Grid(scale, zero, half, int(np.count_nonzero(small)))


def _half_above(exact: np.ndarray) -> np.ndarray:
    """Smallest float16 values >= exact, as float32."""
    near = exact.astype(np.float16)
    return np.where(near < exact, np.nextafter(near, np.float16(np.inf)), near).astype(np.float32)


def codes(
    tile: np.ndarray, scale: np.ndarray, zero_point: np.ndarray | None, bits: int, out: np.ndarray | None = None,
    inside: bool = False, over: bool = False,
) -> np.ndarray:
    """Nearest codes of a tile [a, r, p] on the grid of its groups [a, 1, p].

    Ties go to the even code, what is outside the range to its edge, zero to the code of zero. Values must be finite.
    With `inside` they are known to be in the range, as those are that a symmetric grid was made for: no clipping.
    With `over` the tile's own memory may be worked in: its values are lost. A scratch is read and written in turns with the tile, which
    takes up to three times as long where both begin at the same place in a page.

    Returns: [a, r, p] int8 if symmetric (zero_point is None), else uint8; in out, if given.
    """
    low, high = code_range(bits, zero_point is None)
    if out is None:
        out = np.empty(tile.shape, np.int8 if zero_point is None else np.uint8)
    dtype = np.result_type(tile.dtype, np.float32)
    over = over and tile.dtype == dtype
    scratch = np.empty(0 if over else min(tile.size, CACHE_ELEMENTS), dtype)
    shift = None if zero_point is None else zero_point.astype(np.float32)
    with np.errstate(over="ignore"):  # far outside the range: clipped
        for index in tiles(tile.shape):
            part = tile[index]
            x = part if over else scratch[: part.size].reshape(part.shape)
            np.divide(part, scale[index[0], :, index[2]], out=x)
            np.rint(x, out=x)
            if shift is not None:
                np.add(x, shift[index[0], :, index[2]], out=x)
            if not inside:
                np.clip(x, low, high, out=x)
            np.copyto(out[index], x, casting="unsafe")
    return out


def decode(
    codes: np.ndarray, scale: np.ndarray, zero_point: np.ndarray | None, out: np.ndarray | None = None
) -> np.ndarray:
    """Values of codes [a, r, p], bit for bit as ONNX Cast, Sub, Mul give in float32.

    Returns: [a, r, p] float32; in out, if given.
    """
    if out is None:
        out = np.empty(codes.shape, np.float32)
    if zero_point is None:
        return np.multiply(codes, scale, out=out)
    np.subtract(codes, zero_point.astype(np.float32), out=out)
    return np.multiply(out, scale, out=out)
