"""Nearest codes of a whole weight on a grid that need not be of 2^bits values: levels, codebooks, clipped scales."""

from __future__ import annotations

import numpy as np

from lightweight_cli.encodings.coded import HALF_SCALES, Coded
from lightweight_cli.model.model import Model
from lightweight_cli.numerics import codebooks, scales
from lightweight_cli.numerics.grid import Grid
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.layout import stored
from lightweight_cli.weights.weight import Weight


def laid(form: Form, target: np.ndarray, importance: np.ndarray, shape: tuple[int, int, int], clip: bool, zero: bool) -> Grid:
    """Return a grid over a target [G, out, d]; importance [G, d]; scales have the shape, and may clip if `clip`; `zero`: 0 is a value.

    Raises: ValueError where none fits.
    """
    many = int(np.prod(shape)) >= HALF_SCALES
    if form.grid == "codebook":
        found = codebooks.shared(target, importance, shape, form.codes, zero)
        return found._replace(scale=scales.narrowed(found.scale, np.float16)) if many and scales.halved(found.scale) else found
    grid = scales.largest(target, shape, form.bits, form.symmetric, many, form.levels)
    return scales.clipped(target, grid, importance) if clip else grid


def plain(model: Model, weight: Weight, form: Form, clip: bool) -> Coded:
    """Return a weight's nearest codes; `clip`: scales are those of least squared error of the weight.

    Raises: ValueError where no grid fits.
    """
    groups = a, r, p = form.groups(weight)
    values = np.ascontiguousarray(weight.read(0, weight.size).reshape(a, r, p).transpose(0, 2, 1), np.float32)
    grid = laid(form, values, np.ones((a, r)), (a, p, 1), clip, bool((values == 0).any()))
    codes = grid.spread(r).nearest(values).transpose(0, 2, 1)

    def placed(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array.transpose(0, 2, 1))

    return stored(model, weight, np.ascontiguousarray(codes), groups, grid, placed)
