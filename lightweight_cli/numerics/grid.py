"""What values a weight may take: a uniform grid, or the values of a codebook.

Both are seen by the solvers through the same four methods: `at` a column or `spread` over all of them, then
`nearest` or `cheapest` codes of values, and their `decode`d values. A grid knows its own granularity by its shapes:

    scale [1, 1, 1]          per tensor              [G, out, 1]       per channel
          [1, out, 1]        per channel, shared     [G, out, d / b]   per block of b inputs
                             by all groups

Source: uniform grids, Jacob et al. 2018, arXiv:1712.05877, section 2; rate-aware choice, Sullivan, Wiegand 1998.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Uniform(NamedTuple):
    """w ~ scale * (code - zero), code in [low, high]."""

    scale: np.ndarray  # [1 or G, 1 or out, blocks] float32 or float16, positive
    low: int
    high: int
    zero_point: np.ndarray | None = None  # of the scale's shape; None: 0

    def at(self, column: int, columns: int) -> Uniform:
        """The grid of one column, for values [G, out]."""
        block = _block(column, columns, self.scale.shape[2])
        zero = None if self.zero_point is None else _wide(self.zero_point[:, :, block])
        return self._replace(scale=_wide(self.scale[:, :, block]), zero_point=zero)

    def spread(self, columns: int) -> Uniform:
        """The grid of all columns, for values [G, out, columns]; scales of blocks are repeated."""
        zero = None if self.zero_point is None else _spread(self.zero_point, columns)
        return self._replace(scale=_spread(self.scale, columns), zero_point=zero)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Codes nearest to the values, ties to even, clipped to the range; in the values' type."""
        return self._rounded(values / self.scale)

    def cheapest(self, values: np.ndarray, curvature: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Of the nearest code, the one next to it towards zero, and zero: the least (w - q)^2 curvature + cost of code.

        curvature broadcasts to the values; cost is [high - low + 1].
        """
        places, curvature = values / self.scale, curvature * (self.scale * self.scale)
        zero, best = 0 if self.zero_point is None else self.zero_point, self._rounded(places)
        places = places if self.zero_point is None else places + zero
        sign = np.sign(best if self.zero_point is None else best - zero)
        index = best.astype(np.intp)
        index -= self.low
        least = towards_zero(places, best, sign, index, curvature, cost)
        price = paid(places - zero, curvature, self.priced(np.asarray(zero), cost))
        np.copyto(best, zero, where=price < least, casting="unsafe")
        return best.astype(places.dtype, copy=False)

    def priced(self, codes: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Cost of each code, from a list [high - low + 1]."""
        return cost.take(codes.astype(np.intp) - self.low)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Values of codes; integers as the graph decodes them in float32, floats in their own type."""
        return (codes if self.zero_point is None else codes - self.zero_point) * self.scale

    def _rounded(self, places: np.ndarray) -> np.ndarray:
        """Codes of values that are divided by the scale."""
        codes = np.rint(places)
        codes = codes if self.zero_point is None else codes + self.zero_point
        return np.minimum(np.maximum(codes, self.low), self.high)  # np.clip takes three times as long for a column


class Codebook(NamedTuple):
    """w ~ scale * values[code]."""

    values: np.ndarray  # [levels, 1 or G, 1 or out, 1] float32, ascending along levels
    scale: np.ndarray  # as in Uniform

    @property
    def low(self) -> int:
        """The lowest code."""
        return 0

    @property
    def high(self) -> int:
        """The highest code."""
        return len(self.values) - 1

    def at(self, column: int, columns: int) -> Codebook:
        """The grid of one column, for values [G, out]."""
        return Codebook(self.values[..., 0], _wide(self.scale[:, :, _block(column, columns, self.scale.shape[2])]))

    def spread(self, columns: int) -> Codebook:
        """The grid of all columns, for values [G, out, columns]."""
        return self._replace(scale=_spread(self.scale, columns))

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Codes nearest to the values, the lower on ties; in the values' type."""
        places, middles = values / self.scale, (self.values[1:] + self.values[:-1].astype(values.dtype)) / 2
        codes = np.zeros(places.shape, values.dtype)
        for middle in middles:
            codes += places > middle
        return codes

    def cheapest(self, values: np.ndarray, curvature: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Of all codes: the least (w - q)^2 curvature + cost of code [levels]."""
        places, curvature = values / self.scale, curvature * (self.scale * self.scale)
        best, least = np.zeros(places.shape, places.dtype), np.full(places.shape, np.inf, places.dtype)
        for code, value in enumerate(self.values):
            price = (places - value) ** 2 * curvature + cost[code]
            best[price < least] = code
            least = np.minimum(price, least)
        return best

    def priced(self, codes: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Cost of each code, from a list [levels]."""
        return cost.take(codes.astype(np.intp))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Values of codes; in float32 for integers, else in the codes' type."""
        return self.unscaled(codes) * self.scale

    def unscaled(self, codes: np.ndarray) -> np.ndarray:
        """Values of codes before the scale."""
        dtype = np.result_type(codes.dtype if codes.dtype.kind == "f" else np.float32)
        index = codes.astype(np.intp)
        if self.values[0].size == 1:
            return self.values.reshape(-1).astype(dtype).take(index)
        return np.take_along_axis(self.values.astype(dtype), index[None], axis=0)[0]


Grid = Uniform | Codebook


def towards_zero(places: np.ndarray, best: np.ndarray, sign: np.ndarray, index: np.ndarray, curvature: np.ndarray,
                 cost: np.ndarray) -> np.ndarray:
    """Take the codes next to the best ones towards zero where they cost less; `best` and `index`, their places in `cost`, change in place.

    Returns: what each of the best then costs.
    """
    least = paid(places - best, curvature, cost.take(index))
    lower = best - sign
    index -= sign.astype(np.intp)
    price = paid(places - lower, curvature, cost.take(index))
    np.copyto(best, lower, where=price < least)
    return np.minimum(price, least, out=least)


def paid(left: np.ndarray, curvature: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """What errors cost with their codes: left^2 curvature + cost, for the most part in place."""
    price = left * left
    price *= curvature
    price += cost
    return price


def _wide(array: np.ndarray) -> np.ndarray:
    """float32 at least, so that float16 scales and small integers are computed with as floats."""
    return array.astype(np.result_type(array.dtype, np.float32), copy=False) if array.dtype.kind == "f" else array.astype(np.float32)


def _block(column: int, columns: int, blocks: int) -> int:
    """Number of the block that a column lies in."""
    return column * blocks // columns


def _spread(array: np.ndarray, columns: int) -> np.ndarray:
    """[.., .., 1] as it is, [.., .., blocks] with each repeated over its columns."""
    blocks = array.shape[2]
    return _wide(array) if blocks in (1, columns) else np.repeat(_wide(array), columns // blocks, axis=2)
