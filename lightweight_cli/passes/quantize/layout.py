"""From codes of a weight seen as a matrix to codes as they are stored: in the weight's own order, with groups that share a scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.model.model import Model
from lightweight_cli.numerics.grid import Codebook, Grid
from lightweight_cli.weights.groups import Groups
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight


def order(view: View) -> str:
    """Return how a matrix [groups, outputs, inputs] lies in its weight: "rows", "columns", or nothing where neither is true.

    In rows the inputs of an output stand together, as in a Conv; in columns the outputs of an input do, as in a MatMul.
    """
    probe = np.empty(view.start, np.uint8)
    seen = view.of(probe)
    if np.shares_memory(seen, probe):
        if seen.flags.c_contiguous:
            return "rows"
        if seen.transpose(0, 2, 1).flags.c_contiguous:
            return "columns"
    return ""


def coded(model: Model, weight: Weight, view: View, codes: np.ndarray, grid: Grid) -> Coded:
    """Return codes [groups, outputs, inputs] and their grid as the weight is stored."""
    how, (g, out, d) = order(view), codes.shape
    shape = grid.scale.shape
    if shape == (1, 1, 1):
        groups: Groups = (1, codes.size, 1)
    elif how == "rows":
        groups = (g * out * shape[2], d // shape[2], 1)
    else:
        groups = (g * shape[2], d // shape[2], out)

    def placed(array: np.ndarray) -> np.ndarray:
        if shape == (1, 1, 1):
            return array
        whole = np.broadcast_to(array, (g, out, shape[2]))
        return np.ascontiguousarray(whole if how == "rows" else whole.transpose(0, 2, 1)).reshape(groups[0], 1, groups[2])

    return stored(model, weight, view.back(codes.astype(np.int8 if grid.low < 0 else np.uint8)), groups, grid, placed)


def stored(
    model: Model, weight: Weight, codes: np.ndarray, groups: Groups, grid: Grid, placed: Callable[[np.ndarray], np.ndarray],
) -> Coded:
    """Return codes in the weight's order with their grid; `placed` brings scales into the order of the groups."""
    low, high = grid.low, grid.high
    zero_point = None if isinstance(grid, Codebook) else grid.zero_point
    flat = np.ascontiguousarray(codes, np.int8 if low < 0 else np.uint8).reshape(-1)
    blob = model.spool.put(flat)
    codebook = grid.values.reshape(-1).astype(np.float32) if isinstance(grid, Codebook) else None
    scale: np.ndarray | None = placed(grid.scale)
    if codebook is not None and grid.scale.size == 1:
        codebook, scale = codebook * grid.scale.reshape(-1).astype(np.float32), None
    zero = 0 if codebook is None else next(iter(np.flatnonzero(codebook == 0).tolist()), None)
    zeros = 0 if zero is None or zero_point is not None else flat.size - int(np.count_nonzero(flat != zero))
    return Coded(weight.shape, weight.dtype, groups, blob, low, high - low + 1, zeros, zero if zero_point is None else 0,
                 scale=scale, zero_point=None if zero_point is None else placed(zero_point), codebook=codebook)
