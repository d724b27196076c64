"""Grids against their naive definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics import tiles as tiles_module
from lightweight_cli.numerics.affine import Grid, codes, decode, extent, scales

shapes = st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 70))
plain = st.floats(-100, 100, width=32) | st.sampled_from([0.0, -0.0, 1.0, -1.0])
weights = hnp.arrays(np.float32, shapes, elements=plain)
any_finite = hnp.arrays(np.float32, shapes, elements=st.floats(allow_nan=False, allow_infinity=False, width=32))


def quantized(w: np.ndarray, bits: int, symmetric: bool, half: bool = False) -> tuple[Grid, np.ndarray]:
    grid = scales(*extent(w), bits, symmetric, half)
    return grid, codes(w, grid.scale, grid.zero_point, bits)


@given(any_finite, st.sampled_from([np.float16, np.float32, np.float64]))
def test_extent_is_min_and_max(w: np.ndarray, dtype: type) -> None:
    with np.errstate(over="ignore"):
        w = w.astype(dtype)
    low, high = extent(w)
    assert np.array_equal(low, w.min(1, keepdims=True)) and np.array_equal(high, w.max(1, keepdims=True))
    assert low.dtype == (np.float64 if dtype is np.float64 else np.float32)


@pytest.mark.parametrize("shape", [(1, 300_000, 1), (3, 9, 30_000), (2, 2, 70_000), (70_000, 3, 1), (200, 300, 3)])
def test_extent_and_codes_over_many_tiles(shape: tuple[int, int, int]) -> None:
    w = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    assert w.size > tiles_module.CACHE_ELEMENTS
    low, high = extent(w)
    assert np.array_equal(low, w.min(1, keepdims=True)) and np.array_equal(high, w.max(1, keepdims=True))
    for symmetric in (True, False):
        grid, q = quantized(w, 8, symmetric)
        shift = 0 if grid.zero_point is None else grid.zero_point.astype(np.float32)
        wanted = np.rint(w / grid.scale) + shift
        assert np.array_equal(q, wanted if symmetric else np.clip(wanted, 0, 255))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(1, 5, 1), (2, 300, 3), (1, 4, 90)])
def test_not_finite_is_noticed(bad: float, shape: tuple[int, int, int]) -> None:
    w = np.ones(shape, np.float32)
    w[-1, 2, 0] = bad
    low, high = extent(w)
    assert not (np.isfinite(low).all() and np.isfinite(high).all())
    with pytest.raises(ValueError, match="not finite"):
        scales(low, high, 8, True)


@given(any_finite, st.integers(2, 8), st.booleans())
def test_error_is_at_most_half_a_step(w: np.ndarray, bits: int, symmetric: bool) -> None:
    try:
        grid, q = quantized(w, bits, symmetric)
    except ValueError as error:
        assert "overflow float32" in str(error) and np.abs(w).max() > 1e38
        return
    assert q.dtype == (np.int8 if symmetric else np.uint8)
    decoded = decode(q, grid.scale, grid.zero_point)
    assert decoded.dtype == np.float32 and np.isfinite(decoded).all()
    error = np.abs(decoded.astype(np.float64) - w)
    assert (error <= grid.scale.astype(np.float64) * 0.5001).all()
    assert (decoded[w == 0].view(np.uint32) == 0).all()
    again = codes(decoded, grid.scale, grid.zero_point, bits)
    assert np.array_equal(again, q)


@given(weights, st.integers(2, 8), st.booleans(), st.booleans())
def test_scales_are_the_definition(w: np.ndarray, bits: int, symmetric: bool, half: bool) -> None:
    grid, q = quantized(w, bits, symmetric, half)
    wide = w.astype(np.float64)
    low, high = np.minimum(wide.min(1), 0), np.maximum(wide.max(1), 0)
    exact = np.maximum(-low, high) / (2 ** (bits - 1) - 1) if symmetric else (high - low) / (2**bits - 1)
    exact = exact[:, None]
    exact[exact == 0] = np.where((low == 0) & (high == 0), 1.0, 0.0)[:, None][exact == 0]
    tiny = np.finfo(np.float32).smallest_normal
    assert grid.underflow == np.count_nonzero(exact < tiny)
    assert (grid.zero_point is None) == symmetric
    exact = np.maximum(exact, tiny)
    if grid.half:
        assert np.array_equal(grid.scale.astype(np.float16), grid.scale)
        assert (grid.scale >= exact).all() and (grid.scale <= exact * 1.001).all()
    else:
        assert np.array_equal(grid.scale, exact.astype(np.float32))
        used = (low < 0) | (high > 0)
        assert not half or (exact[used[:, None]] < 2.0**-14).any()


def test_half_scales_clip_nothing() -> None:
    w = np.linspace(-1.2345, 1.3, 1001, dtype=np.float32).reshape(1, -1, 1)
    grid, q = quantized(w, 8, True, half=True)
    assert grid.half and 126 <= q.max() <= 127


def test_half_falls_back_as_a_whole() -> None:
    low, high = np.zeros((1, 1, 2)), np.array([[[1.0, 1e-5]]])
    grid = scales(low, high, 8, True, half=True)
    assert not grid.half and grid.scale[0, 0, 0] == np.float32(1 / 127)
    assert not scales(low, np.array([[[1.0, 1e9]]]), 8, True, half=True).half
    assert scales(low, np.array([[[1.0, 0.0]]]), 8, True, half=True).half


def test_underflow_is_counted_and_bounded() -> None:
    w = np.array([[[1.0, 1e-40, 0.0]], [[-1.0, -1e-44, 0.0]]], np.float32).transpose(1, 0, 2)
    grid, q = quantized(np.ascontiguousarray(w), 8, True)
    assert grid.underflow == 1
    assert np.array_equal(q[0, :, 0], [127, -127]) and np.array_equal(q[0, :, 1], [0, 0])


def test_huge_values() -> None:
    w = np.array([3e38, -3e38, 1e38, 0], np.float32).reshape(1, -1, 1)
    for bits in (4, 8):
        grid, q = quantized(w, bits, True)
        assert np.isfinite(decode(q, grid.scale, grid.zero_point)).all()
    grid, q = quantized(np.array([1e300, -1e300]).reshape(1, -1, 1) * 1e-270, 8, False)
    assert np.allclose(decode(q, grid.scale, grid.zero_point).ravel(), [1e30, -1e30], rtol=0.01)
    with pytest.raises(ValueError, match="overflow float32"):
        quantized(np.array([1e300, 0]).reshape(1, -1, 1), 8, True)


def test_clipping_scales_saturate() -> None:
    w = np.array([-9, -1, 0, 1, 9, 1e38], np.float32).reshape(1, -1, 1)
    scale = np.full((1, 1, 1), 1e-37 / 7, np.float32)
    assert codes(w, scale, None, 4).ravel().tolist() == [-8, -8, 0, 7, 7, 7]
    scale = np.ones((1, 1, 1), np.float32)
    assert codes(w, scale, np.full((1, 1, 1), 3, np.uint8), 4).ravel().tolist() == [0, 2, 3, 4, 12, 15]


def test_ties_go_to_even() -> None:
    w = np.array([0.5, 1.5, 2.5, -0.5, -1.5], np.float32).reshape(1, -1, 1)
    assert codes(w, np.ones((1, 1, 1), np.float32), None, 8).ravel().tolist() == [0, 2, 2, 0, -2]


def test_out_buffers_are_used() -> None:
    w = np.ones((2, 3, 4), np.float32)
    grid = scales(*extent(w), 8, False)
    q, x = np.empty(w.shape, np.uint8), np.empty(w.shape, np.float32)
    assert codes(w, grid.scale, grid.zero_point, 8, out=q) is q
    assert decode(q, grid.scale, grid.zero_point, out=x) is x and np.array_equal(x, w)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_codes_worked_out_in_the_tile_are_the_same(dtype: type) -> None:
    w = np.random.default_rng(0).normal(size=(3, 300, 100)).astype(dtype)  # more than a tile
    grid = scales(*extent(w), 8, True)
    expected = codes(w, grid.scale, None, 8)
    assert np.array_equal(codes(w.copy(), grid.scale, None, 8, over=True), expected)


def test_empty() -> None:
    w = np.empty((0, 4, 3), np.float32)
    grid, q = quantized(w, 8, True)
    assert grid.scale.shape == (0, 1, 3) and q.shape == w.shape


@pytest.mark.parametrize(("bits", "symmetric"), [(1, True), (9, True), (0, False), (9, False)])
def test_bits_out_of_range(bits: int, symmetric: bool) -> None:
    with pytest.raises(ValueError, match="bits"):
        scales(np.zeros((1, 1, 1)), np.ones((1, 1, 1)), bits, symmetric)


@given(any_finite, st.integers(2, 8), st.booleans())
def test_a_symmetric_grid_needs_no_clipping(w: np.ndarray, bits: int, half: bool) -> None:
    try:
        grid = scales(*extent(w), bits, True, half)
    except ValueError:  # overflows float32: there is no grid
        return
    assert np.array_equal(codes(w, grid.scale, None, bits, inside=True), codes(w, grid.scale, None, bits))


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_codes_times_scale_stay_in_the_weights_type(bits: int, symmetric: bool) -> None:
    """Scales rounded up to float16 reach beyond 65504, and so do codes whose zero point was rounded."""
    for least in (-65504.0, -60000.0, -3.0, 0.0):
        low, high = np.full((1, 1, 1), least), np.full((1, 1, 1), 65504.0)
        try:
            grid = scales(low, high, bits, symmetric, True, np.float16)
        except ValueError as error:
            assert "overflow float16" in str(error) and not symmetric
            continue
        tile = np.array([least, 0, 65504], np.float16).reshape(1, 3, 1)
        again = decode(codes(tile, grid.scale, grid.zero_point, bits), grid.scale, grid.zero_point)
        assert np.isfinite(again.astype(np.float16)).all()
