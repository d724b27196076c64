"""Grids against brute force over all their codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_cli.numerics import affine
from lightweight_cli.numerics.grid import Codebook, Grid, Uniform

SHAPES = [(1, 1, 1), (2, 1, 1), (1, 3, 1), (2, 3, 1), (2, 3, 4), (2, 3, 8), (1, 1, 2)]


def made(kind: str, shape: tuple[int, int, int], random: np.random.Generator, dtype: type = np.float32) -> Grid:
    scale = random.uniform(0.05, 0.3, shape).astype(dtype)
    if kind == "shared codebook":
        return Codebook(np.sort(random.standard_normal((6, 1, 1, 1)).astype(np.float32) * 5, axis=0), scale)
    if kind == "codebook per row":
        return Codebook(np.sort(random.standard_normal((6, 2, 3, 1)).astype(np.float32) * 5, axis=0), scale)
    zero = random.integers(0, 16, shape).astype(np.uint8) if kind == "zero point" else None
    return Uniform(scale, 0 if kind == "zero point" else -8, 15 if kind == "zero point" else 7, zero)


KINDS = ["uniform", "zero point", "shared codebook", "codebook per row"]


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(KINDS), st.sampled_from(SHAPES), st.sampled_from([np.float32, np.float16]), st.integers(0, 999))
def test_nearest_and_cheapest_are(kind: str, shape: tuple[int, int, int], dtype: type, seed: int) -> None:
    random = np.random.default_rng(seed)
    grid = made(kind, shape, random, dtype)
    values = random.standard_normal((2, 3, 8)) * 2
    curvature, cost = random.uniform(0.5, 2, (2, 1, 1)), random.uniform(0, 0.5, grid.high - grid.low + 1)
    wide = grid.spread(8)
    every = np.stack([wide.decode(np.full(values.shape, float(code))) for code in range(grid.low, grid.high + 1)])
    misses = (every - values) ** 2
    nearest, cheapest = wide.nearest(values), wide.cheapest(values, curvature, cost)
    assert nearest.dtype == cheapest.dtype == np.float64
    assert np.allclose((wide.decode(nearest) - values) ** 2, misses.min(axis=0))
    prices = misses * curvature + cost[:, None, None, None]
    paid = (wide.decode(cheapest) - values) ** 2 * curvature + wide.priced(cheapest, cost)
    if isinstance(grid, Codebook):
        assert np.allclose(paid, prices.min(axis=0))
    for other in (nearest, np.zeros_like(nearest) if kind == "uniform" else nearest):
        assert (paid <= (wide.decode(other) - values) ** 2 * curvature + wide.priced(other, cost) + 1e-12).all()
    for column in range(8):
        one = grid.at(column, 8)
        assert np.array_equal(one.nearest(values[:, :, column]), nearest[:, :, column])
        assert np.array_equal(one.cheapest(values[:, :, column], curvature[:, :, 0], cost), cheapest[:, :, column])
        assert np.array_equal(one.decode(nearest[:, :, column]), wide.decode(nearest)[:, :, column])


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(KINDS), st.sampled_from(SHAPES), st.integers(0, 99))
def test_values_of_the_grid_are_their_own_nearest(kind: str, shape: tuple[int, int, int], seed: int) -> None:
    random = np.random.default_rng(seed)
    grid = made(kind, shape, random).spread(8)
    codes = random.integers(grid.low, grid.high, (2, 3, 8), np.int16, endpoint=True)
    assert grid.decode(codes).dtype == np.float32
    assert np.array_equal(grid.nearest(grid.decode(codes)), codes)
    assert np.array_equal(grid.nearest(grid.decode(codes.astype(np.float64))), codes)


def test_dear_codes_fall_towards_zero() -> None:
    grid = Uniform(np.ones((1, 1, 1), np.float32), -3, 3)
    cost = np.abs(np.arange(-3, 4)) * 0.6
    values = np.array([[[2.9, 2.6, 1.4, 0.7, -0.7, -2.6, 9.0]]])
    assert grid.cheapest(values, np.ones(()), cost).tolist() == [[[3, 2, 1, 0, 0, -2, 3]]]
    shifted = Uniform(np.ones((1, 1, 1), np.float32), 0, 6, np.full((1, 1, 1), 3, np.uint8))
    assert shifted.cheapest(values, np.ones(()), cost).tolist() == [[[6, 5, 4, 3, 3, 1, 6]]]


@pytest.mark.parametrize("symmetric", [True, False])
def test_agrees_with_affine(symmetric: bool) -> None:
    weight = np.random.default_rng(0).standard_normal((1, 50, 64)).astype(np.float32)
    scale, zero, _, _ = affine.scales(*affine.extent(weight[0, :, :, None]), 4, symmetric)
    grid = Uniform(
        scale.reshape(1, 50, 1), *affine.code_range(4, symmetric), None if zero is None else zero.reshape(1, 50, 1)
    ).spread(64)
    codes = affine.codes(weight[0, :, :, None], scale, zero, 4)
    assert np.array_equal(grid.decode(codes[None, :, :, 0]), affine.decode(codes, scale, zero)[None, :, :, 0])
    assert np.array_equal(grid.nearest(weight), codes[None, :, :, 0])
