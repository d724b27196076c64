"""A weight on a grid of one of the usual granularities, stored as the grid's integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.coded import HALF_SCALES, Coded
from lightweight_cli.encodings.gathered import gathered
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.numerics import fp
from lightweight_cli.passes.pack.grids import LARGEST, Grid, Groups, Slabs, estimate, fit
from lightweight_cli.passes.pack.values import Values
from lightweight_cli.weights.groups import blocks_of, channels_of, tiles
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.emission import Emission

BLOCKS = (256, 128, 64, 32, 16)
"""Block sizes looked for along the input axis, the one with the fewest scales first."""
PROBE = 1 << 18
"""Values at the start of a weight by which most weights are told to be on no grid."""
PROBE_GROUPS = 16
"""Groups of the probe that are looked at."""
TILE = 1 << 19
"""Values looked at together; the search takes about 40 bytes for each."""


def as_integers(
    model: Model, new: Callable[[str], Emission], weight: Weight, values: Values, limits: Limits
) -> list[Emission]:
    """Return the emissions of a float32 weight that lies on a grid, or nothing."""
    if values.dtype != TensorProto.FLOAT or values.size < 2:
        return []
    kept = np.concatenate(list(values)) if values.size <= PROBE else next(iter(values))
    if not np.isfinite(kept).all():
        return []
    for groups in granularities(weight):
        if not probe(kept[:PROBE], groups):
            continue

        def slabs(groups: Groups = groups) -> Iterator[tuple[slice, np.ndarray]]:
            return tiles(values, groups, TILE)

        grid = fit(slabs, groups)
        if grid is not None:
            try:
                found = codes_of(model, values, grid, slabs)
                return [e for coded in found for e in choose.for_codes(new, coded, weight.name, limits)]
            except ValueError:  # not exactly
                continue
    return []


def granularities(weight: Weight) -> list[Groups]:
    """Return the ways in which tools share scales: tensor, channel of any axis, block; each once."""
    axes = dict.fromkeys([weight.axes, *((i,) for i in range(len(weight.shape)))]) if len(weight.shape) > 1 else {}
    channels = [channels_of(weight.shape, a) for a in axes]
    blocks = [blocks_of(channels_of(weight.shape, weight.axes), b) for b in BLOCKS]
    return list(dict.fromkeys([(1, weight.size, 1), *channels, *blocks]))


def probe(start: np.ndarray, groups: Groups) -> bool:
    """Whether the first values of a weight look like a grid: most of a few groups do."""
    a, r, p = groups
    rows = min(r, max(1, start.size // p))
    slabs = max(1, start.size // (r * p)) if rows == r else 1
    tile = start[: slabs * rows * p].reshape(slabs, rows, p) if start.size >= rows * p else start.reshape(1, 1, -1)
    few = tile[: min(slabs, PROBE_GROUPS), :4096, : max(1, PROBE_GROUPS // slabs)]
    each = [few[i : i + 1, :, j : j + 1] for i in range(few.shape[0]) for j in range(few.shape[2])]
    return 2 * sum(estimate(group) is not None for group in each) > len(each)


def codes_of(model: Model, values: Values, grid: Grid, slabs: Slabs) -> list[Coded]:
    """Return the weight as integers, and with zero points where they save bits.

    Raises: ValueError if it is not exact.
    """
    half = fp.to_half(grid.scale)
    as_half = grid.scale.size >= HALF_SCALES and np.array_equal(half.astype(np.float32), grid.scale)
    scale = half if as_half else grid.scale
    low, high = int(grid.low.min()), int(grid.high.max())
    span = int((grid.high - grid.low).max())
    found = []
    if low >= -128 and high <= 127:
        codes = gathered(model, values.size, grid.codes(slabs, None))
        zeros = sum(part.size - int(np.count_nonzero(part)) for part in values)
        found.append(Coded(values.shape, values.dtype, grid.groups, codes, low, high - low + 1, zeros, 0, scale))
    if span <= LARGEST and (not found or (high - low).bit_length() > span.bit_length()):
        zero_point = (-grid.low).astype(np.uint8)
        codes = gathered(model, values.size, grid.codes(slabs, zero_point))
        found.append(Coded(values.shape, values.dtype, grid.groups, codes, 0, span + 1, 0, None, scale, zero_point))
    return found

