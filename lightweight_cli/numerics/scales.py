"""Scales laid over a weight before its codes are known.

    largest    max|w| / highest code: nothing is clipped; the only choice without data
    step       a multiple of the root mean square, for codes that are entropy coded
    clipped    largest times the factor of least squared error, plain (`mse`) or weighted by diag H

Never clip without data: by weight error it costs a detector half its precision, and no synthetic check notices.
A granularity is the shape of the scales, as in `grid`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import affine
from .grid import Uniform

Shape = tuple[int, int, int]

# Factors tried on the unclipped scale, from 1 down. 4 bits rarely want less than .6, 3 bits than .4.
FACTORS = np.linspace(1, 0.4, 25)


def reduced(ufunc: np.ufunc, values: np.ndarray, shape: Shape) -> np.ndarray:
    """Values [G, out, d] reduced to the granularity of a shape [1 or G, 1 or out, blocks].

    Raises: ValueError if the shape does not divide that of the values.
    """
    groups, outputs, d = values.shape
    if shape[0] not in (1, groups) or shape[1] not in (1, outputs) or shape[2] < 1 or d % shape[2]:
        raise ValueError(f"scales of shape {list(shape)} don't divide weights of shape {list(values.shape)}")
    parts = values.reshape(groups, outputs, shape[2], d // shape[2])
    axes = [axis for axis in (0, 1) if shape[axis] == 1]
    return ufunc.reduce(parts, axis=(*axes, 3), keepdims=True)[..., 0]


def narrowed(scale: np.ndarray, dtype: npt.DTypeLike) -> np.ndarray:
    """Scales rounded to the type they are stored in; what it can't hold becomes inf or 0."""
    with np.errstate(over="ignore", under="ignore"):
        return scale.astype(dtype)


def halved(scale: np.ndarray) -> bool:
    """Whether all scales are normal numbers of float16."""
    return bool(np.all((scale >= affine.HALF_NORMAL[0]) & (scale <= affine.HALF_NORMAL[1])))


def largest(
    weight: np.ndarray, shape: Shape, bits: int, symmetric: bool = True, half: bool = False, levels: int | None = None
) -> Uniform:
    """Unclipped grid of 2 to 8 bits over a weight [G, out, d]; with half, scales are float16 where all fit.

    levels instead of 2^bits values: an odd number lies evenly around 0; of an even one the largest weight may lie half a
    step outside.

    Returns: the grid, its range and zero points as `affine.scales` has them.
    Raises: ValueError if weights are not finite, bits are not allowed, or the shape does not divide the weight's.
    """
    low, high = reduced(np.minimum, weight, shape), reduced(np.maximum, weight, shape)
    found = affine.scales(low, high, bits, symmetric, half, levels=levels)
    codes = affine.code_range(bits, symmetric) if levels is None else affine.level_range(levels, symmetric)
    return Uniform(found.scale.astype(np.float16) if found.half else found.scale, *codes, found.zero_point)


def step(weight: np.ndarray, shape: Shape, multiple: float, limit: int) -> Uniform:
    """Grid of step multiple * rms with codes within +-limit; a group of zeros has step 1.

    Returns: the grid.
    Raises: ValueError if the shape does not divide the weight's.
    """
    squares = reduced(np.add, np.square(weight, dtype=np.float64), shape)
    rms = np.sqrt(squares * (squares.size / weight.size))
    scale = np.where(rms > 0, np.maximum(multiple * rms, affine.SMALLEST_NORMAL), 1.0)
    return Uniform(scale.astype(np.float32), -limit, limit)


def clipped(weight: np.ndarray, grid: Uniform, importance: np.ndarray | None = None) -> Uniform:
    """The grid, each scale times the factor of 1 to .4 whose nearest codes have the least squared error.

    importance [G, d] weighs the columns (diag H); None: all alike. Needs 3 copies of the weight.

    Returns: a grid of the same granularity and type.
    """
    d = weight.shape[2]
    mass = np.ones(()) if importance is None else importance[:, None]
    best, least = grid.scale, np.full(grid.scale.shape, np.inf)
    for factor in FACTORS:
        tried = grid._replace(scale=narrowed(grid.scale * factor, grid.scale.dtype))
        if not (tried.scale > 0).all():
            break
        spread = tried.spread(d)
        error = reduced(np.add, (spread.decode(spread.nearest(weight)) - weight) ** 2 * mass, grid.scale.shape)
        best, least = np.where(error < least, tried.scale, best), np.minimum(error, least)
    return grid._replace(scale=best)
