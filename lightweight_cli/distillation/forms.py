"""What the values of a weight must stay while it is trained: the form that it is stored in.

    Free      floats; zeros stay zero
    Narrow    floats that are rounded to float16 or bfloat16: the gradient goes to floats behind them
    Grid      integer codes of evenly spaced levels: the gradient goes to floats behind them, as if nothing were rounded
    Codebook  levels of their own: each has the sum of the gradients of its values, and values keep their level

Zeros are a mask where there are more of them than SPARSE; fewer are a level like others.
Source: Bengio et al. 2013, arXiv:1308.3432 (straight through); Han et al. 2016, arXiv:1510.00149 (codebooks).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lightweight_cli.encodings import recognise
from lightweight_cli.numerics import fp

if TYPE_CHECKING:
    from lightweight_cli.encodings.coded import Coded
    from lightweight_cli.weights.weight import Weight

SPARSE = 0.5
"""Share of zeros in codes from which they were made by pruning, or save bytes: they stay."""
OWN = 2
"""Values for each level of a codebook, zeros aside, below which they are floats that happen to be few."""
LARGEST = float(np.finfo(np.float32).max)
EVEN = 1e-4
"""By how much of a step the distances of evenly spaced levels may differ: float32 rounds them."""


class Form(Protocol):
    """Free parameters of one weight, and the values that they stand for, both flat."""

    start: np.ndarray
    """float32: the parameters as they are."""
    direct: bool
    """Whether they are the values."""

    def put(self, free: np.ndarray, out: np.ndarray) -> None:
        """Write the values that the parameters stand for."""

    def gradient(self, g: np.ndarray, out: np.ndarray) -> None:
        """Write the gradient of the parameters; `g` is that of the values, and may be used for it."""


class Free:
    """Floats as they are."""

    direct = True

    def __init__(self, values: np.ndarray, masked: bool) -> None:
        self.start = values
        self.kept = (values != 0) if masked and not values.all() else None

    def put(self, free: np.ndarray, out: np.ndarray) -> None:
        """Write the values."""
        out[:] = free

    def gradient(self, g: np.ndarray, out: np.ndarray) -> None:
        """Write the gradient of what is not zero."""
        if self.kept is None:
            out[:] = g
        else:
            np.multiply(g, self.kept, out=out)


class Narrow(Free):
    """Floats that a narrower type holds."""

    direct = False

    def __init__(self, values: np.ndarray, rounded: Callable[[np.ndarray], np.ndarray]) -> None:
        super().__init__(values, True)
        self.rounded = rounded

    def put(self, free: np.ndarray, out: np.ndarray) -> None:
        """Write the values, rounded."""
        out[:] = self.rounded(free)


class Grid:
    """The nearest of evenly spaced levels: (number - zero point) * scale."""

    direct = False

    def __init__(self, coded: Coded, values: np.ndarray) -> None:
        levels = coded.numbers.astype(np.float64)
        self.groups, self.first, self.step, self.count = coded.groups, levels[0], (levels[-1] - levels[0]) / (len(levels) - 1), len(levels)
        self.levels = coded.numbers.astype(np.float32)
        self.scale = np.float32(1) if coded.scale is None else coded.scale.astype(np.float32)
        self.offset = np.float32(0) if coded.zero_point is None else coded.zero_point.astype(np.float32)
        self.inverse = None if coded.scale is None else inverse(np.asarray(self.scale))
        self.start = values
        self.kept = (values != 0) if np.count_nonzero(values) < (1 - SPARSE) * values.size else None

    def symbols(self, values: np.ndarray) -> np.ndarray:
        """Return the place of the nearest level for each value, [A, R, P]."""
        at = values.reshape(self.groups)
        at = at * self.inverse if self.inverse is not None else at.copy()
        at += self.offset
        at -= np.float32(self.first)
        at *= np.float32(1 / self.step)
        np.rint(at, out=at)
        return np.clip(at, 0, self.count - 1, out=at).astype(np.int32)

    def put(self, free: np.ndarray, out: np.ndarray) -> None:
        """Write the values, bit for bit as they are decoded."""
        made = (self.levels[self.symbols(free)] - self.offset) * self.scale
        out[:] = made.reshape(-1)
        if self.kept is not None:
            out *= self.kept

    def gradient(self, g: np.ndarray, out: np.ndarray) -> None:
        """Write the gradient of the values as that of the floats behind them."""
        if self.kept is None:
            out[:] = g
        else:
            np.multiply(g, self.kept, out=out)


def inverse(scale: np.ndarray) -> np.ndarray:
    """Return 1 / scale, 0 for 0; as large as floats go where a scale is so small that it would be infinite, and 0 times it no number."""
    with np.errstate(over="ignore"):
        found = np.divide(1, scale, where=scale != 0, out=np.zeros_like(scale))
    return np.clip(found, -LARGEST, LARGEST, out=found)


class Codebook:
    """Levels that values share."""

    direct = False

    def __init__(self, coded: Coded) -> None:
        assert coded.codebook is not None
        self.codes = coded.codes.array(coded.element_dtype).astype(np.int32) - coded.low
        self.groups, self.start = coded.groups, coded.codebook.astype(np.float32)
        self.scale = None if coded.scale is None else coded.scale.astype(np.float32)
        self.offset = None if coded.zero_point is None else coded.zero_point.astype(np.float32)
        self.fixed = np.flatnonzero(self.start == 0)

    def put(self, free: np.ndarray, out: np.ndarray) -> None:
        """Write the level of each value."""
        np.take(free, self.codes, out=out)
        shaped = out.reshape(self.groups)
        if self.offset is not None:
            shaped -= self.offset
        if self.scale is not None:
            shaped *= self.scale

    def gradient(self, g: np.ndarray, out: np.ndarray) -> None:
        """Write the sum over the values of each level; a level of zero stays."""
        if self.scale is not None:
            shaped = g.reshape(self.groups)
            shaped *= self.scale
        out[:] = np.bincount(self.codes, g, len(out))
        out[self.fixed] = 0


def form_of(weight: Weight, masked: bool) -> Form:
    """Return the form in which a weight is trained; `masked`: its zeros are no accident."""
    values = weight.read(0, weight.size).astype(np.float32).reshape(-1).copy()
    weight.forget()
    if not weight.encoded:
        return Free(values, masked)
    coded = codes_of(weight)
    weight.forget()
    if coded is not None:
        return Grid(coded, values) if is_even(coded.numbers) else Codebook(coded)
    if fp.fits_half(values):
        return Narrow(values, lambda free: fp.to_half(free).astype(np.float32))
    if fp.fits_bfloat16(values):
        return Narrow(values, bfloat16)
    return Free(values, True)


def codes_of(weight: Weight) -> Coded | None:
    """Return a weight as the codes that it is stored in; None: as floats, of which a small weight has few."""
    coded = recognise.coded(weight)
    if coded is None or coded.count < 2 or (coded.codebook is not None and coded.size - coded.zeros < OWN * coded.count):
        return None
    return coded


def is_even(levels: np.ndarray) -> bool:
    """Whether levels are one step from each other."""
    steps = np.diff(levels.astype(np.float64))
    return bool(len(steps) and steps.min() > 0 and np.ptp(steps) <= EVEN * steps.max())


def bfloat16(free: np.ndarray) -> np.ndarray:
    """Return floats rounded to bfloat16."""
    return (fp.to_bfloat16(free).astype(np.uint32) << np.uint32(16)).view(np.float32)


def recoded(coded: Coded, values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the codes of trained values, uint8 or int8, and the codebook: one of both is as it was."""
    if is_even(coded.numbers):
        symbols = Grid(coded, values).symbols(values).reshape(-1)
        return (symbols + coded.low).astype(coded.element_dtype), coded.codebook
    form = Codebook(coded)
    codebook = form.start.copy()
    plain = values.reshape(form.groups)
    if form.scale is not None:
        plain = np.divide(plain, form.scale, where=form.scale != 0, out=np.zeros_like(plain))
    if form.offset is not None:
        plain = plain + form.offset
    codebook[form.codes] = plain.reshape(-1)
    return coded.codes.array(coded.element_dtype), codebook.astype(coded.codebook.dtype)  # type: ignore[union-attr]
