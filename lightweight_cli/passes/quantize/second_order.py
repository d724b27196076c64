"""One weight by second-order rounding: its matrix, the moments of its inputs, its grid, and back to how it is stored."""

from __future__ import annotations

import numpy as np

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.model.model import Model
from lightweight_cli.numerics import codebooks, parts, scales
from lightweight_cli.numerics.grid import Grid
from lightweight_cli.numerics.moments import Moments
from lightweight_cli.numerics.solver import Method, solve
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.layout import coded, order
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

HALF_SCALES = 64
"""Scales from which float16 ones are worth a Cast node."""
CLIPPED = 3
"""Bits up to which scales may clip, where real data weigh what is lost: at 4 bits it wins a point here and loses five there."""


def solved(model: Model, weight: Weight, view: View, moments: Moments, form: Form, real: bool) -> Coded:
    """Return the weight's codes for the moments of its inputs; `real`: of data, not of a prior.

    Raises: ValueError where values or moments are not finite, or no grid fits.
    """
    matrix = matrix_as(view, weight.read(0, weight.size).reshape(weight.shape))
    shape = form.scales(matrix.shape)
    wide = matrix.shape[0] == 1 and parts.width(matrix.shape[2]) != matrix.shape[2]
    if wide:
        matrix, shape = parts.split(matrix), _of_parts(shape, matrix.shape[2])
    many = int(np.prod(shape)) >= HALF_SCALES

    def lay(target: np.ndarray, importance: np.ndarray) -> Grid:
        if form.grid == "codebook":
            found = codebooks.shared(target, importance, shape, 1 << form.bits)
            return found._replace(scale=scales.narrowed(found.scale, np.float16)) if many and scales.halved(found.scale) else found
        grid = scales.largest(target, shape, form.bits, form.symmetric, many)
        return scales.clipped(target, grid, importance) if real and form.bits <= CLIPPED else grid

    found = solve(matrix, moments, lay, Method())
    codes, grid = found.codes, found.grid
    if wide:
        codes, grid = parts.merge(codes, view.shape[2]), grid._replace(scale=_joined(grid.scale, view.shape[2]))
    return coded(model, weight, view, codes, grid)


def matrix_as(view: View, values: np.ndarray) -> np.ndarray:
    """Return values of a weight's shape as its matrix [groups, outputs, inputs]."""
    return np.ascontiguousarray(view.of(values), np.float32)


def _of_parts(shape: tuple[int, int, int], inputs: int) -> tuple[int, int, int]:
    """Return the shape of the scales of a matrix [1, outputs, inputs] that is cut into parts."""
    _, outputs, blocks = shape
    if blocks == 1:
        return shape
    each = parts.width(inputs)
    size = inputs // blocks
    if each % size:
        raise ValueError(f"blocks of {size} do not fit parts of {each}")
    return -(-inputs // each), outputs, each // size


def _joined(scale: np.ndarray, inputs: int) -> np.ndarray:
    """Return the scales of parts as those of the whole."""
    if scale.shape[2] == 1:
        return scale
    size = parts.width(inputs) // scale.shape[2]
    return scale.transpose(1, 0, 2).reshape(1, scale.shape[1], -1)[:, :, : inputs // size]


def fits(view: View) -> bool:
    """Whether a matrix lies in its weight so that blocks of inputs can share a scale."""
    return bool(order(view))
