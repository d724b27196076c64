"""Codes of a few bits packed into bytes, as decoding tables expect them.

    pack(codes, L, k)   k digits of base L in a byte, low digit first: byte = c0 + c1 L + c2 L^2 + ...
    planes(codes, b)    b bits as the sum of planes 4, 2 and 1 bits wide, each packed as digits; low bits in the widest
    pack_mask(mask)     8 flags in a byte, the first in bit 0

All take flat codes and pad the tail with zeros. A stream may be packed in parts whose sizes are multiples of k (8 for
planes and masks).
"""

from __future__ import annotations

import numpy as np

# (levels, digits in a byte): 4, 2 and 1 bits, 2.67 bits, 1.6 bits
DIGITS = {16: 2, 4: 4, 2: 8, 6: 3, 3: 5}
PLANE_WIDTHS = (4, 2, 1)


def padded(codes: np.ndarray, multiple: int) -> np.ndarray:
    """Flat codes with zeros after them, up to a multiple; unchanged if nothing is to add."""
    missing = -codes.size % multiple
    return np.concatenate([codes, np.zeros(missing, codes.dtype)]) if missing else codes


def pack(codes: np.ndarray, levels: int, digits: int) -> np.ndarray:
    """Pack codes [n] uint8 below levels, so many digits to a byte.

    Returns: [ceil(n / digits)] uint8.
    Raises: ValueError if a code is not below levels, or a byte can't hold the digits.
    """
    if levels**digits > 256:
        raise ValueError(f"{digits} digits of base {levels} do not fit a byte")
    if codes.size and int(codes.max()) >= levels:
        raise ValueError(f"code {int(codes.max())}: allowed are 0 to {levels - 1}")
    codes = np.ascontiguousarray(padded(codes, digits))
    if digits in (2, 4, 8):
        return joined(codes, levels, digits)
    rows = codes.reshape(-1, digits)
    packed = rows[:, -1].copy()
    for digit in range(digits - 2, -1, -1):  # Horner
        packed *= np.uint8(levels)
        packed += rows[:, digit]
    return packed


def joined(codes: np.ndarray, levels: int, digits: int) -> np.ndarray:
    """Pack 2, 4 or 8 codes to a byte, a multiple of that, all known to be below levels.

    One multiplication sums the digits in the word's top byte: the bytes below hold partial sums < L^k <= 256, so nothing carries into it.
    """
    word = np.dtype(f"<u{digits}")
    weights = sum(levels**i << 8 * (digits - 1 - i) for i in range(digits))
    sums = np.multiply(codes.view(word), word.type(weights))
    return np.right_shift(sums, word.type(8 * (digits - 1)), out=sums).astype(np.uint8)


def digit_table(levels: int, digits: int) -> np.ndarray:
    """Digits of every byte value that pack can give, low digit first.

    Returns: [levels ** digits, digits] uint8.
    """
    bytes_ = np.arange(levels**digits)[:, None]
    return (bytes_ // levels ** np.arange(digits) % levels).astype(np.uint8)


def unpack(packed: np.ndarray, levels: int, digits: int, count: int) -> np.ndarray:
    """First count codes of packed bytes.

    Returns: [count] uint8.
    """
    table = digit_table(levels, digits)
    if digits in (2, 4, 8):
        return table.view(f"<u{digits}")[:, 0].take(packed).view(np.uint8)[:count]
    codes = np.empty((packed.size, digits), np.uint8)
    for digit, column in enumerate(table.T):
        codes[:, digit] = column.take(packed)
    return codes.reshape(-1)[:count]


def plane_widths(bits: int) -> tuple[int, ...]:
    """Widths of the planes that sum to bits, widest first, which holds the lowest bits."""
    return tuple(width for width in PLANE_WIDTHS if bits & width)


def planes(codes: np.ndarray, bits: int) -> dict[int, np.ndarray]:
    """Split codes [n] uint8 below 2^bits into packed bit planes, bits in 1..7.

    Returns: {width: [ceil(n / 8) * width] uint8}; every plane holds n codes padded to a multiple of 8.
    Raises: ValueError if a code needs more bits.
    """
    if codes.size and int(codes.max()) >> bits:
        raise ValueError(f"code {int(codes.max())}: allowed are 0 to {(1 << bits) - 1}")
    codes, shift, result = padded(codes, 8), 0, {}
    for width in plane_widths(bits):
        plane = np.right_shift(codes, np.uint8(shift))
        np.bitwise_and(plane, np.uint8((1 << width) - 1), out=plane)
        result[width] = pack(plane, 1 << width, 8 // width)
        shift += width
    return result


def unplanes(packed: dict[int, np.ndarray], count: int) -> np.ndarray:
    """First count codes of bit planes.

    Returns: [count] uint8.
    """
    codes, shift = np.zeros(count, np.uint8), 0
    for width in sorted(packed, reverse=True):
        plane = unpack(packed[width], 1 << width, 8 // width, count)
        codes |= np.left_shift(plane, np.uint8(shift), out=plane)
        shift += width
    return codes


def pack_mask(mask: np.ndarray) -> np.ndarray:
    """Pack flags [n] bool, 8 to a byte, the first in bit 0.

    Returns: [ceil(n / 8)] uint8.
    """
    return np.packbits(mask, bitorder="little")


def unpack_mask(packed: np.ndarray, count: int) -> np.ndarray:
    """First count flags of a packed mask.

    Returns: [count] bool.
    """
    return np.unpackbits(packed, count=count, bitorder="little").view(bool)
