"""Round-to-nearest quantization of one weight after another, read in slabs of bounded size."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings import choose, recognise
from lightweight_cli.encodings.coded import Coded, Groups
from lightweight_cli.model.blobs import Blob
from lightweight_cli.numerics import affine
from lightweight_cli.weights.groups import blocks_of, channels_of
from lightweight_cli.weights.rewrite import Plan
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context

SLAB = 1 << 20
"""Elements read at a time: 4 MiB of float32, which stays near the caches."""
CODES_IN_MEMORY = 1 << 24
"""Codes up to which they wait in memory for their layout; beyond, in the spool."""
BLOCK = {8: 64, 4: 32}
"""Weights in a block. At 8 bits, blocks of 64 took MiniLM from 22.9 to 31.6 dB for 3 % more bytes than channels."""
KEEP = {8: 0.02, 4: 0.005}
"""Share of the weights that stay float, the smallest first. At 8 bits and 64 to a block, 2 % took PP-OCRv4 det from 14.8 to 21.4
dB and cls from 28.8 to 39.4, for 2 to 3 % more bytes; at 4 bits 2 % would cost 12 %."""
HALF_SCALES = 64
"""Scales from which float16 ones are worth a Cast node. Rounding them up adds at most 0.1 % to the step."""


def quantize_nearest(context: Context, bits: int, granularity: str, block_size: int | None, asymmetric: bool,
                     keep: float | None) -> int:
    """Quantize every weight that gets smaller by it. Returns: weights quantized."""
    rewriter = context.rewriter()
    keep = KEEP[bits] if keep is None else keep
    block_size = (block_size or BLOCK[bits]) if granularity == "block" else None
    context.step.settle(keep=keep, block_size=block_size)
    small = smallest(rewriter.weights, keep)

    def plan(weight: Weight) -> Plan:
        reason = f"is among the smallest (--keep {keep:g})" if id(weight) in small else unfit(weight, bits)
        if reason:
            return Plan(weight, reason=reason)
        groups = channels_of(weight.shape, weight.axes) if granularity != "tensor" else (1, weight.size, 1)
        if block_size is not None:
            groups = blocks_of(groups, block_size)
        try:
            coded = quantized(context.model, weight, groups, bits, not asymmetric)
        except ValueError as e:
            return Plan(weight, reason=str(e))
        options = choose.for_codes(lambda label: rewriter.emission(weight, label), coded, weight.name, context.limits)
        return Plan(weight, options, reason=choose.NO_LAYOUT)

    rewriter.run(plan)
    return context.step.changed


def smallest(weights: list[Weight], share: float) -> set[int]:
    """Return the ids of the smallest weights that together are at most `share` of all."""
    found: set[int] = set()
    left = share * sum(w.size for w in weights)
    for weight in sorted(filter(lambda w: w.size, weights), key=lambda w: w.size):
        left -= weight.size
        if left < 0:
            break
        found.add(id(weight))
    return found


def unfit(weight: Weight, bits: int) -> str:
    """Return why a weight can't be replaced by decoding nodes, or nothing."""
    reason = choose.unfit(weight.size, weight.numpy.itemsize, weight.scope.opset)
    if not reason and weight.encoded:
        stored = recognise.coded(weight)
        if stored is not None and stored.count <= 1 << bits:
            return f"is stored in {bits} bits or fewer already"
    return reason


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
    scale = np.empty((a, 1, p), np.float16 if half else np.float32)
    zero_point = None if symmetric else np.empty((a, 1, p), np.uint8)
    writer = model.reserve(weight.size) if weight.size > CODES_IN_MEMORY else None
    codes = np.empty(weight.size if writer is None else 0, np.int8 if symmetric else np.uint8)
    # Where a slab holds whole groups, its grid is found when it is read; larger groups are read twice.
    whole = affine.scales(*extents(weight, groups), bits, symmetric, half, weight.numpy) if r * p > SLAB else None
    underflow = whole.underflow if whole else 0
    zeros = at = 0
    for rows, tile in slabs(weight, groups, scratch()):
        grid = part_of(whole, rows) if whole else affine.scales(*affine.extent(tile), bits, symmetric, half, weight.numpy)
        if half and not grid.half:
            return None
        scale[rows] = grid.scale
        if zero_point is not None and grid.zero_point is not None:
            zero_point[rows] = grid.zero_point
        underflow += 0 if whole else grid.underflow
        out = codes[at : at + tile.size].reshape(tile.shape) if writer is None else None
        found = affine.codes(tile, grid.scale, grid.zero_point, bits, out, inside=symmetric)
        zeros += found.size - int(np.count_nonzero(found))
        at += tile.size
        if writer is not None:
            writer.write(found)
    if underflow == a * p:  # in some groups only: they are as good as zero, and wrong by less than 1e-38
        raise ValueError("its values are below float32's normal numbers")
    blob = writer.close() if writer is not None else Blob(weight.size, data=memoryview(codes.view(np.uint8)))
    lowest = 1 - (1 << (bits - 1)) if symmetric else 0
    return Coded(weight.shape, weight.dtype, groups, blob, lowest, (1 << bits) - (1 if symmetric else 0), zeros,
                 scale=scale, zero_point=zero_point)


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
        return weight.read(start, count, buffer if count <= buffer.size else None)

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


_local = threading.local()


def scratch() -> np.ndarray:
    """Return this thread's buffer for weights: fresh memory for each would cost as much as reading it."""
    if not hasattr(_local, "buffer"):
        _local.buffer = np.empty(SLAB, np.float32)
    return _local.buffer
