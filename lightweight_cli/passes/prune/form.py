"""The form that a weight is stored in, and values that are solved for brought back to it: codes stay codes, half floats half floats.

    Codes    levels that each value has of its own: numbers, less a zero point, times a scale
    Narrow   float16 or bfloat16
    Free     floats, which are stored as any
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lightweight_cli.distillation.forms import bfloat16, codes_of
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.numerics import fp, parts
from lightweight_cli.numerics.grid import Codebook, Grid, Uniform
from lightweight_cli.passes.prune.magnitude import with_codes
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight


class Free:
    """Floats as they are."""

    grid: Grid | None = None

    def back(self, values: np.ndarray) -> tuple[np.ndarray, Coded | None]:
        """Return the values as they can be stored, in the weight's shape, and their codes."""
        return values, None


class Narrow(Free):
    """Floats of half the width."""

    def __init__(self, rounded: Callable[[np.ndarray], np.ndarray]) -> None:
        self.rounded = rounded

    def back(self, values: np.ndarray) -> tuple[np.ndarray, Coded | None]:
        """Return the values rounded."""
        return self.rounded(values), None


class Codes(Free):
    """Levels of codes, with zero among them."""

    def __init__(self, coded: Coded, zero: np.ndarray, view: View) -> None:
        self.coded, self.zero = coded, zero
        self.scale = np.ones(coded.shape, np.float32) if coded.scale is None else self._of_each(coded.scale)
        self.scale = np.where(self.scale > 0, self.scale, np.float32(1))  # of zeros only, which stay
        self.offset = None if coded.zero_point is None else self._of_each(coded.zero_point)
        self.order = np.argsort(coded.numbers, kind="stable")
        self.grid = self._grid(lambda array: np.ascontiguousarray(view.of(array)))

    def _of_each(self, array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array.astype(np.float32), self.coded.groups).reshape(self.coded.shape)

    def _grid(self, seen: Callable[[np.ndarray], np.ndarray]) -> Grid:
        """Return the levels of each element, as `seen` sees them."""
        scale, coded = seen(self.scale), self.coded
        if coded.codebook is not None:
            return Codebook(coded.numbers[self.order].astype(np.float32).reshape(-1, 1, 1, 1), scale)
        return Uniform(scale, coded.low, coded.low + coded.count - 1, None if self.offset is None else seen(self.offset))

    def back(self, values: np.ndarray) -> tuple[np.ndarray, Coded | None]:
        """Return the values as they are decoded, and their codes."""
        coded, flat = self.coded, values.astype(np.float32).reshape(1, 1, -1)
        found = self._grid(lambda array: array.reshape(1, 1, -1)).nearest(flat).astype(np.int32).reshape(-1)
        codes = self.order[found] + coded.low if coded.codebook is not None else found
        new = with_codes(coded, np.where(flat.reshape(-1) == 0, self.zero, codes).astype(coded.element_dtype))
        return new.decode(), new


def form_of(weight: Weight, view: View) -> Free:
    """Return the form of a weight that nodes decode; codes without a zero, and of signs that scales turn, are floats."""
    coded = codes_of(weight)
    if coded is not None:
        zero, finite = coded.of_zero(), bool(np.isfinite(coded.numbers).all())
        turned = coded.scale is not None and bool((coded.scale < 0).any())
        return Codes(coded, zero, view) if zero is not None and finite and not turned else Free()
    values = weight.read(0, weight.size)
    if values.dtype != np.float32:
        return Free()
    if fp.fits_half(values):
        return Narrow(lambda v: fp.to_half(v.astype(np.float32)).astype(np.float32))
    return Narrow(bfloat16) if fp.fits_bfloat16(values) else Free()


def of_parts(grid: Grid) -> Grid:
    """Return the levels of a wide layer as those of its parts; what pads them is zero, of any scale."""
    scale = parts.split(grid.scale)
    grid = grid._replace(scale=np.where(scale > 0, scale, np.float32(1)))
    if isinstance(grid, Uniform) and grid.zero_point is not None:
        grid = grid._replace(zero_point=parts.split(grid.zero_point))
    return grid
