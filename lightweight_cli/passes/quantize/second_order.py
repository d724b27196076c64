"""One weight by second-order rounding: its matrix, the moments of its inputs, its grid, and back to how it is stored."""

from __future__ import annotations

import numpy as np

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.model.model import Model
from lightweight_cli.numerics import parts
from lightweight_cli.numerics.grid import Grid, Uniform
from lightweight_cli.numerics.moments import Moments
from lightweight_cli.numerics.solver import Method, solve
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.layout import coded, order
from lightweight_cli.passes.quantize.plain import laid
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

CLIPPED = 3
"""Bits up to which scales may clip, where real data weigh what is lost: at 4 bits it wins a point here and loses five there."""


def solved(model: Model, weight: Weight, view: View, moments: Moments, form: Form, real: bool, centre: bool = False) -> Coded:
    """Return the weight's codes for the moments of its inputs; `real`: of data, not of a prior; `centre`: the bias may change.

    Raises: ValueError where values or moments are not finite, or no grid fits.
    """
    matrix = matrix_as(view, weight.read(0, weight.size).reshape(weight.shape))
    shape, zero = form.scales(matrix.shape), bool((matrix == 0).any())
    wide = matrix.shape[0] == 1 and parts.width(matrix.shape[2]) != matrix.shape[2]
    if wide:
        matrix, shape = parts.split(matrix), _of_parts(shape, matrix.shape[2])

    def lay(target: np.ndarray, importance: np.ndarray) -> Grid:
        return laid(form, target, importance, shape, real and form.bits <= CLIPPED, zero)

    found = solve(matrix, moments, lay, Method(centre=centre))
    codes, grid = found.codes, found.grid
    if wide:
        codes, grid = parts.merge(codes, view.shape[2]), grid._replace(scale=_joined(grid.scale, view.shape[2]))
        if isinstance(grid, Uniform) and grid.zero_point is not None:
            grid = grid._replace(zero_point=_joined(grid.zero_point, view.shape[2]))
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
