"""Half-width conversions against ml_dtypes and numpy, value by value."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics.fp import fits_bfloat16, fits_half, from_bfloat16, to_bfloat16, to_half

patterns = hnp.arrays(np.uint32, st.integers(0, 20), elements=st.integers(0, 2**32 - 1))
finite = hnp.arrays(np.float32, st.integers(0, 20), elements=st.floats(allow_nan=False, allow_infinity=False, width=32))


def test_every_half_fits() -> None:
    half = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    wide = half.astype(np.float32)
    assert fits_half(wide[~np.isnan(wide)])
    assert fits_half(np.array([np.nan, -np.nan, -0.0, np.inf, 6e-8 * 0], np.float32))
    assert np.array_equal(to_half(wide[~np.isnan(wide)]).view(np.uint16), half[~np.isnan(half)].view(np.uint16))


@given(patterns)
def test_fits_half_is_a_round_trip(bits: np.ndarray) -> None:
    w = bits.view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        survives = np.array_equal(w.astype(np.float16).astype(np.float32).view(np.uint32), bits)
    plain = bits[np.isnan(w)] & 0x7FFFFFFF
    assert fits_half(w) == (survives and bool((plain == 0x7FC00000).all()))


@pytest.mark.parametrize("value", [1 + 2.0**-11, 65520.0, 2.0**-25, 1e-40, 3e38])
def test_does_not_fit_half(value: float) -> None:
    assert not fits_half(np.array([1, value, 2], np.float32))
    late = np.zeros(200_000, np.float32)
    late[-1] = value
    assert not fits_half(late)


@given(finite)
def test_to_half_saturates(w: np.ndarray) -> None:
    half = to_half(w)
    assert half.dtype == np.float16 and np.isfinite(half).all()
    assert np.array_equal(half, np.clip(w, -65504, 65504).astype(np.float16))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges_of_half(dtype: type) -> None:
    w = np.array([[65519, 65520, -1e30], [np.inf, -np.inf, np.nan]], dtype)
    assert np.array_equal(to_half(w), [[65504, 65504, -65504], [np.inf, -np.inf, np.nan]], equal_nan=True)


def test_every_bfloat16_fits() -> None:
    all_patterns = np.arange(1 << 16, dtype=np.uint16)
    wide = from_bfloat16(all_patterns)
    assert fits_bfloat16(wide)
    assert np.array_equal(wide, all_patterns.view(ml_dtypes.bfloat16).astype(np.float32), equal_nan=True)
    assert np.array_equal(to_bfloat16(wide), all_patterns)  # signalling NaN too
    kept = to_bfloat16(wide) == all_patterns
    assert kept[~np.isnan(wide)].all()


@given(patterns)
def test_to_bfloat16(bits: np.ndarray) -> None:
    w = bits.view(np.float32)
    ours = to_bfloat16(w)
    reference = w.astype(ml_dtypes.bfloat16)
    saturated = np.isfinite(w) & np.isinf(reference.astype(np.float32))
    assert np.array_equal(from_bfloat16(ours[~saturated]), reference[~saturated].astype(np.float32), equal_nan=True)
    assert ((ours[saturated] & 0x7FFF) == 0x7F7F).all()
    assert np.array_equal(np.signbit(from_bfloat16(ours)), np.signbit(w))
    assert fits_bfloat16(w) == bool(((bits & 0xFFFF) == 0).all())


def test_edges_of_bfloat16() -> None:
    w = np.array([3.4028235e38, -3.4028235e38, np.inf, -np.inf, np.nan, -0.0, 1e-45], np.float32).reshape(1, 7)
    ours = to_bfloat16(w)
    assert ours.shape == w.shape
    assert ours[0].tolist() == [0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0, 0x8000, 0]
    lower_nan = np.array([0x7F800001], np.uint32).view(np.float32)
    assert np.isnan(from_bfloat16(to_bfloat16(lower_nan))).all()


def test_empty_and_scalar() -> None:
    assert fits_half(np.empty(0, np.float32)) and fits_bfloat16(np.empty(0, np.float32))
    assert to_half(np.array(1e9, np.float32)) == 65504 and to_bfloat16(np.array(1.0, np.float32)) == 0x3F80


def test_only_float32_is_asked_about() -> None:
    for fits in (fits_half, fits_bfloat16):
        with pytest.raises(ValueError, match="float64"):
            fits(np.ones(3))
