"""Half-width floats: what fits them exactly, and rounding that never makes an infinity.

    float16   1 sign, 5 exponent, 10 fraction bits: largest 65504, normal from 6.1e-5, steps of 6e-8 below
    bfloat16  1 sign, 8 exponent, 7 fraction bits: the upper half of a float32; held here as uint16

Source: IEEE 754-2019, section 3.6 and 4.3.1 (round to nearest, ties to even).
"""

from __future__ import annotations

import numpy as np

from .bits import INFINITY, bits, magnitude_bits
from .tiles import pieces

QUIET_NAN = 0x7FC0_0000  # the one NaN, with either sign, that every runtime's float16 casts keep
BFLOAT16_LARGEST = INFINITY["bfloat16"] - 1


def fits_half(chunk: np.ndarray) -> bool:
    """Whether every float32 survives float16 and back, bit for bit.

    Signed zeros, subnormals and infinities count like others; of the NaN only the plain quiet one fits.
    """
    for patterns in pieces(_float32_bits(chunk)):
        piece = patterns.view(np.float32)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            back = piece.astype(np.float16).astype(np.float32)
        if not np.array_equal(back.view(np.uint32), patterns):
            return False
        magnitudes = magnitude_bits(piece)
        if np.maximum.reduce(magnitudes) > INFINITY["float32"] and not _plain_nans(magnitudes):
            return False
    return True


def _float32_bits(chunk: np.ndarray) -> np.ndarray:
    """Flat bit patterns of float32 values; other types raise ValueError."""
    if chunk.dtype != np.float32:
        raise ValueError(f"weights of {chunk.dtype}: allowed is float32")
    return bits(chunk)


def _plain_nans(magnitudes: np.ndarray) -> bool:
    """Whether all NaN among float32 magnitude bits are the plain quiet one."""
    return bool(np.all(magnitudes[magnitudes > INFINITY["float32"]] == QUIET_NAN))


def fits_bfloat16(chunk: np.ndarray) -> bool:
    """Whether every float32 survives bfloat16 and back, bit for bit, NaN too."""
    return not any(np.bitwise_or.reduce(patterns) & 0xFFFF for patterns in pieces(_float32_bits(chunk)))


def to_half(chunk: np.ndarray) -> np.ndarray:
    """Nearest float16; finite values beyond its range become +-65504.

    Infinities and NaN stay what they are.

    Returns: float16 of the same shape.
    """
    with np.errstate(over="ignore", under="ignore"):
        half = chunk.astype(np.float16)
    overflown = np.isinf(half)
    if overflown.any():
        overflown &= np.isfinite(chunk)
        half[overflown] = np.copysign(np.finfo(np.float16).max, chunk[overflown])
    return half


def to_bfloat16(chunk: np.ndarray) -> np.ndarray:
    """Nearest bfloat16 of float32; finite values beyond its range become its largest.

    Infinities stay, NaN stay NaN. float64 is rounded to float32 first.

    Returns: uint16 of the same shape.
    """
    patterns = bits(chunk.astype(np.float32, copy=False))
    upper = np.right_shift(patterns, np.uint32(16))
    # Ties to even: add just under half a unit, and one more where the kept part is odd.
    rounded = np.right_shift(patterns + (np.uint32(0x7FFF) + (upper & np.uint32(1))), np.uint32(16))
    magnitudes = patterns & np.uint32(0x7FFF_FFFF)
    edge = magnitudes >= (BFLOAT16_LARGEST << 16 | 0x8000)  # would round to infinity, or is not finite
    if edge.any():
        nan = magnitudes > INFINITY["float32"]
        rounded[edge] = upper[edge] & np.uint32(0x8000) | np.uint32(BFLOAT16_LARGEST)
        infinite = magnitudes == INFINITY["float32"]
        rounded[infinite] = upper[infinite]
        empty = (upper[nan] & np.uint32(0x7F)) == 0  # a payload in the lower half alone would leave an infinity
        rounded[nan] = upper[nan] | np.where(empty, np.uint32(0x40), np.uint32(0))
    return rounded.astype(np.uint16).reshape(chunk.shape)


def from_bfloat16(patterns: np.ndarray) -> np.ndarray:
    """Exact float32 of bfloat16 held as uint16.

    Returns: float32 of the same shape.
    """
    return np.left_shift(patterns.astype(np.uint32), np.uint32(16)).view(np.float32)
