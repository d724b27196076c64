"""Round-to-nearest quantization of one weight after another, read in slabs of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings.coded import HALF_SCALES, Coded, Groups
from lightweight_cli.numerics import affine
from lightweight_cli.passes.quantize.on_reading import BITS, SLAB, on_reading, scratch
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model


def quantized(model: Model, weight: Weight, groups: Groups, bits: int, symmetric: bool) -> Coded:
    """Return the weight on the grid of its groups. Raises: ValueError where no grid fits."""
    a, _, p = groups
    half = a * p >= HALF_SCALES
    coded = on_grid(model, weight, groups, bits, symmetric, half)
    if coded is None:  # a scale that float16 can't hold
        coded = on_grid(model, weight, groups, bits, symmetric, False)
    assert coded is not None
    return coded


def on_grid(model: Model, weight: Weight, groups: Groups, bits: int, symmetric: bool, half: bool) -> Coded | None:
    """Return the weight on its grid, with float16 scales if `half`, or None where these do not fit.

    Raises: ValueError where no grid fits.
    """
    a, r, p = groups
    low, count = (1 - (1 << (bits - 1)), (1 << bits) - 1) if symmetric else (0, 1 << bits)
    # Where a slab holds whole groups, its grid is found when it is read; larger groups are read twice.
    whole = affine.scales(*extents(weight, groups), bits, symmetric, half, weight.numpy) if r * p > SLAB else None
    if whole is not None:
        if half and not whole.half:
            return None
        later = on_reading(weight, groups, whole, low, count) if bits == BITS and whole.underflow < a * p else None
        if later is not None:
            return later
    scale = np.empty((a, 1, p), np.float16 if half else np.float32)
    zero_point = None if symmetric else np.empty((a, 1, p), np.uint8)
    writer = model.reserve(weight.size)
    underflow = whole.underflow if whole else 0
    zeros = 0
    buffer = scratch()
    for rows, tile in slabs(weight, groups, buffer):
        grid = part_of(whole, rows) if whole else affine.scales(*affine.extent(tile), bits, symmetric, half, weight.numpy)
        if half and not grid.half:
            return None
        scale[rows] = grid.scale
        if zero_point is not None and grid.zero_point is not None:
            zero_point[rows] = grid.zero_point
        underflow += 0 if whole else grid.underflow
        found = affine.codes(tile, grid.scale, grid.zero_point, bits, inside=symmetric, over=np.may_share_memory(tile, buffer))
        zeros += found.size - int(np.count_nonzero(found))
        writer.write(found)
    if underflow == a * p:  # in some groups only: they are as good as zero, and wrong by less than 1e-38
        raise ValueError("its values are below float32's normal numbers")
    return Coded(weight.shape, weight.dtype, groups, writer.close(), low, count, zeros, scale=scale, zero_point=zero_point)


def part_of(grid: affine.Grid, rows: slice) -> affine.Grid:
    """Return the grid of some rows of A."""
    return grid._replace(scale=grid.scale[rows], zero_point=None if grid.zero_point is None else grid.zero_point[rows])


def extents(weight: Weight, groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    """Return min and max of groups that are larger than a slab."""
    a, _, p = groups
    low, high = np.full((a, 1, p), np.inf), np.full((a, 1, p), -np.inf)
    for rows, tile in slabs(weight, groups, scratch()):
        bottom, top = affine.extent(tile)
        np.minimum(low[rows], bottom, out=low[rows])
        np.maximum(high[rows], top, out=high[rows])
    return low, high


def slabs(weight: Weight, groups: Groups, buffer: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (rows of A, tile [a, r, p]) in flat order, each of about SLAB elements; a tile is valid until the next."""
    a, r, p = groups

    def part(start: int, count: int) -> np.ndarray:
        return weight.read(start, count, buffer if count <= SLAB else None)

    if r * p <= SLAB:
        step = max(1, SLAB // (r * p))
        for i in range(0, a, step):
            j = min(a, i + step)
            yield slice(i, j), part(i * r * p, (j - i) * r * p).reshape(j - i, r, p)
        return
    step = max(1, SLAB // p)
    for i in range(a):
        for k in range(0, r, step):
            m = min(r, k + step)
            yield slice(i, i + 1), part((i * r + k) * p, (m - k) * p).reshape(1, m - k, p)
