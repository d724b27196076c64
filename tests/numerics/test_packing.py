"""Packed codes against digit sums, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics.packing import (
    DIGITS,
    digit_table,
    pack,
    pack_mask,
    plane_widths,
    planes,
    unpack,
    unpack_mask,
    unplanes,
)

lengths = st.integers(0, 70)


def codes_below(levels: int) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.uint8, lengths, elements=st.integers(0, levels - 1))


@given(st.data(), st.sampled_from(sorted(DIGITS)))
def test_bytes_are_digit_sums(data: st.DataObject, levels: int) -> None:
    digits, codes = DIGITS[levels], data.draw(codes_below(levels))
    packed = pack(codes, levels, digits)
    wanted = [
        sum(int(c) * levels**i for i, c in enumerate(codes[start : start + digits]))
        for start in range(0, codes.size, digits)
    ]
    assert packed.dtype == np.uint8 and packed.tolist() == wanted
    assert np.array_equal(unpack(packed, levels, digits, codes.size), codes)


@pytest.mark.parametrize("levels", sorted(DIGITS))
def test_every_byte_value(levels: int) -> None:
    digits = DIGITS[levels]
    table = digit_table(levels, digits)
    assert table.shape == (levels**digits, digits)
    assert pack(table.reshape(-1), levels, digits).tolist() == list(range(levels**digits))


@given(st.data(), st.integers(1, 7))
def test_planes(data: st.DataObject, bits: int) -> None:
    codes = data.draw(codes_below(1 << bits))
    packed = planes(codes, bits)
    assert tuple(packed) == plane_widths(bits) and sum(packed) == bits
    assert all(plane.size == -(-codes.size // 8) * width for width, plane in packed.items())
    assert np.array_equal(unplanes(packed, codes.size), codes)
    shift = 0
    for width, plane in packed.items():
        digits = unpack(plane, 1 << width, 8 // width, codes.size)
        assert np.array_equal(digits, codes >> shift & ((1 << width) - 1))
        shift += width


@given(hnp.arrays(bool, lengths))
def test_mask(mask: np.ndarray) -> None:
    packed = pack_mask(mask)
    assert packed.tolist() == [
        sum(1 << i for i, flag in enumerate(mask[start : start + 8]) if flag) for start in range(0, mask.size, 8)
    ]
    back = unpack_mask(packed, mask.size)
    assert back.dtype == bool and np.array_equal(back, mask)


def test_strided_codes() -> None:
    codes = np.arange(32, dtype=np.uint8)[::2] % 16
    assert np.array_equal(unpack(pack(codes, 16, 2), 16, 2, 16), codes)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="code 6: allowed are 0 to 5"):
        pack(np.array([1, 6], np.uint8), 6, 3)
    with pytest.raises(ValueError, match="do not fit"):
        pack(np.zeros(4, np.uint8), 16, 3)
    with pytest.raises(ValueError, match="code 8: allowed are 0 to 7"):
        planes(np.array([8], np.uint8), 3)
