"""Codes that are worked out whenever they are read: nothing of a large weight is kept but its grid.

Groups of more than a slab are read twice, for their extent and for their codes. Where the codes are written as they are, that second
time is when the file is written, and they come into no temporary file: of a model of 4.4 GB they took 1.1 GB there.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings.coded import Coded, Groups
from lightweight_cli.model.blobs import AHEAD, Blob, Derived
from lightweight_cli.numerics import affine

if TYPE_CHECKING:
    from lightweight_cli.weights.weight import Weight

SLAB = 1 << 20
"""Elements read at a time: 4 MiB of float32, which stays near the caches."""
BITS = 8
"""Of codes that are written as they are. Fewer are counted and packed, and would be worked out each time."""
ZEROS = 0.5
"""Share of zeros up to which forms that leave them out are out of the question, so that they need no counting."""


class OnReading(Derived):
    """The nearest codes of float elements in a file, on a grid of 8 bits."""

    def __init__(self, values: Blob, dtype: np.dtype, groups: Groups, grid: affine.Grid) -> None:
        super().__init__(values, values.length // dtype.itemsize)
        self.dtype, self.groups, self.grid = dtype, groups, grid

    @property
    def lasting(self) -> bool:
        """Whether it can stay in a model as it is: it takes no memory."""
        return True

    def read_into(self, start: int, out: memoryview) -> None:
        """Fill `out` with the codes from `start` on."""
        symmetric = self.grid.zero_point is None
        memory = scratch() if self.dtype == np.float32 else None
        codes, done = np.frombuffer(out, np.int8 if symmetric else np.uint8), 0
        while done < codes.size:
            group, rows, columns = self._next(start + done, codes.size - done)
            tile = self.base.array(self.dtype, start + done, rows * (columns.stop - columns.start), memory)
            scale = self.grid.scale[group : group + 1, :, columns]
            zero = None if self.grid.zero_point is None else self.grid.zero_point[group : group + 1, :, columns]
            part = codes[done : done + tile.size].reshape(1, rows, -1)
            affine.codes(tile.reshape(part.shape), scale, zero, BITS, out=part, inside=symmetric, over=True)
            done += tile.size

    def _next(self, at: int, count: int) -> tuple[int, int, slice]:
        """Return the group, rows and columns of a run of at most so many elements, and of a slab, from an element on."""
        _, r, p = self.groups
        row, column = divmod(at, p)
        if column or count < p or p > SLAB:
            return row // r, 1, slice(column, column + min(count, p - column, SLAB))
        return row // r, min(count // p, SLAB // p, r - row % r), slice(0, p)


def on_reading(weight: Weight, groups: Groups, grid: affine.Grid, low: int, count: int) -> Coded | None:
    """Return a weight on its grid; None where it is in no file, or so many codes are of zero that forms without them may pay."""
    values = weight.model.blob(weight.tensor) if weight.tensor is not None else None
    if values is None or not values.lasting:
        return None
    coded = Coded(weight.shape, weight.dtype, groups, OnReading(values, weight.numpy, groups, grid), low, count, 0,
                  scale=grid.scale.astype(np.float16 if grid.half else np.float32), zero_point=grid.zero_point)
    zeros = float(coded.sampled[-low] / coded.sampled.sum())
    coded.zeros = round(zeros * coded.size)
    return coded if zeros < ZEROS else None


_local = threading.local()


def scratch() -> np.ndarray:
    """Return this thread's buffer for weights: fresh memory for each would cost as much as reading it."""
    if not hasattr(_local, "buffer"):
        _local.buffer = np.empty(SLAB + AHEAD, np.float32)
    return _local.buffer
