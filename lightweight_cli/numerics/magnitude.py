"""The weights of smallest magnitude, exactly as many as asked, in constant memory.

The bits of |w|, as an unsigned integer, grow with |w|. So the count-th smallest magnitude is found digit by digit:
one histogram of 2^16 bins per 16 bits, over as many readings of the weights (float32: two, float64: four).

Source: magnitude pruning, Han et al. 2015, arXiv:1506.02626, section 3; radix selection, Knuth, TAOCP 3, 5.2.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from .bits import INFINITY, UNSIGNED, bits, magnitude_bits
from .tiles import pieces

DIGIT_BITS = 16
# Elements per histogram: adding 2^16 bins costs as much as counting a few 10,000 elements.
PIECE = 1 << 18


def threshold(chunks: Iterable[np.ndarray], count: int, dtype: npt.DTypeLike = np.float32) -> tuple[np.generic, int]:
    """Magnitude that parts the count smallest weights from the rest.

    Zero every |w| < value, and the first `ties` weights in order with |w| == value: exactly count weights. NaN is
    never among them. Chunks are float arrays and are read once per 16 bits of dtype, the widest of their types.

    Returns: value in dtype, and ties.
    Raises: ValueError if count is not between 0 and the number of weights that are not NaN, or if a chunk is wider.
    """
    dtype = np.dtype(dtype)
    if count <= 0:
        if count < 0:
            raise ValueError(f"count {count}: must not be negative")
        return dtype.type(0), 0
    prefix, rank = 0, count  # of the weights whose high digits are prefix, the rank-th smallest is looked for
    for shift in range(8 * dtype.itemsize - DIGIT_BITS, -1, -DIGIT_BITS):
        histogram = _digit_histogram(chunks, dtype, prefix, shift)
        upto = np.cumsum(histogram)
        if rank > upto[-1]:
            raise ValueError(f"count {count}: there are {int(upto[-1])} weights")
        digit = int(np.searchsorted(upto, rank))
        rank -= int(upto[digit] - histogram[digit])
        prefix = prefix << DIGIT_BITS | digit
    if prefix > INFINITY[dtype.name]:
        raise ValueError(f"count {count}: there are fewer weights that are not NaN")
    return np.array([prefix], UNSIGNED[dtype.itemsize]).view(dtype)[0], rank


def _digit_histogram(chunks: Iterable[np.ndarray], dtype: np.dtype, prefix: int, shift: int) -> np.ndarray:
    """Counts [2^16] of the digit at shift, among magnitudes whose higher digits are prefix."""
    histogram = np.zeros(1 << DIGIT_BITS, np.int64)
    unsigned = UNSIGNED[dtype.itemsize].type
    for magnitudes in _magnitudes(chunks, dtype):
        digits = np.right_shift(magnitudes, unsigned(shift), out=magnitudes)
        if shift + DIGIT_BITS < 8 * dtype.itemsize:
            digits = digits.compress(np.right_shift(digits, unsigned(DIGIT_BITS)) == prefix)
            digits = np.bitwise_and(digits, unsigned((1 << DIGIT_BITS) - 1), out=digits)
        counts = np.bincount(digits.astype(np.intp))
        histogram[: counts.size] += counts
    return histogram


def _magnitudes(chunks: Iterable[np.ndarray], dtype: np.dtype) -> Iterator[np.ndarray]:
    """Magnitude bits of all weights, widened to dtype, in pieces."""
    for chunk in chunks:
        if not np.can_cast(chunk.dtype, dtype):
            raise ValueError(f"weights of {chunk.dtype} do not fit {dtype}")
        for piece in pieces(chunk.reshape(-1), PIECE):
            yield magnitude_bits(piece.astype(dtype, copy=False))


def largest(chunks: Iterable[np.ndarray]) -> float:
    """Largest |w| of all chunks; NaN is passed over, none gives 0."""
    result = 0.0
    for chunk in chunks:
        for piece in pieces(chunk.reshape(-1)):
            wide = piece.astype(_comparable(piece.dtype), copy=False)
            top = max(float(np.maximum.reduce(wide)), -float(np.minimum.reduce(wide)))
            if np.isnan(top):
                top = float(np.fmax.reduce(np.abs(wide)))
            if top > result:
                result = top
    return result


def apply(
    chunk: np.ndarray, value: float | np.generic, ties_left: int = 0, out: np.ndarray | None = None
) -> tuple[np.ndarray, int, int]:
    """Zero every |w| < value, and the first ties_left weights with |w| == value.

    The comparison is exact, whatever the types of chunk and value. Other weights keep their bits, NaN too; zeroed
    ones are +0.

    Returns: pruned copy (out, if given), weights that were not zero before, ties left for the next chunk.
    """
    wide_type = _comparable(chunk.dtype)
    with np.errstate(over="ignore"):  # beyond the type's largest number comes infinity
        limit = wide_type.type(value)
        exact = float(limit) == float(value)
        if float(limit) < float(value):  # |w| < value is |w| < the next value that the type has
            limit = np.nextafter(limit, wide_type.type(np.inf))
    if out is None:
        out = np.empty_like(chunk, order="C")
    zeroed = 0
    sources, targets = pieces(chunk.reshape(-1)), pieces(bits(out))
    for source, target in zip(sources, targets, strict=True):
        magnitude = np.abs(source.astype(wide_type, copy=False))
        keep = np.less(magnitude, limit)
        np.logical_not(keep, out=keep)
        if ties_left and exact:
            tied = np.flatnonzero(magnitude == limit)[:ties_left]
            keep[tied] = False
            ties_left -= tied.size
        np.multiply(bits(source), keep, out=target)  # by 0 or 1
        if limit > 0:  # then every zero is among the dropped
            nonzero = np.count_nonzero(magnitude.view(UNSIGNED[wide_type.itemsize]))
            zeroed += int(nonzero - np.count_nonzero(keep))
    return out, zeroed, ties_left


def _comparable(dtype: np.dtype) -> np.dtype:
    """float32 for the half-width types, which numpy compares slowly; the type itself for others."""
    return np.dtype(np.float32) if dtype.itemsize < 4 else dtype
