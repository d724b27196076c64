"""Second-order rounding against the textbook: one column at a time, float64, no blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import Layer, error, layer, layers, per_channel

from lightweight_cli.numerics import rate
from lightweight_cli.numerics.grid import Codebook, Grid, Uniform
from lightweight_cli.numerics.second_order import quantize


def textbook(weight: np.ndarray, H: np.ndarray, grid: Grid, cost: np.ndarray | None) -> np.ndarray:
    """OBS as published: after each column the inverse loses it (Gaussian elimination), the others take its error."""
    left, d = weight.astype(np.float64), weight.shape[2]
    codes = np.empty(weight.shape, np.int16)
    inverse = np.linalg.inv(H)
    for j in range(d):
        pivot = inverse[:, j, j, None]  # [G, 1]
        column = grid.at(j, d)
        chosen = column.nearest(left[:, :, j]) if cost is None else column.cheapest(left[:, :, j], 1 / pivot, cost)
        codes[:, :, j] = chosen
        miss = (left[:, :, j] - column.decode(chosen)) / pivot
        left -= miss[:, :, None] * inverse[:, None, j]
        inverse = inverse - inverse[:, :, j, None] * inverse[:, None, j] / pivot[:, :, None]
        inverse[:, j], inverse[:, :, j] = 0, 0
    return codes


def grids(weight: np.ndarray) -> list[Grid]:
    groups, outputs, d = weight.shape
    values = np.array([-2.5, -1, -0.4, 0, 0.3, 1, 3], np.float32)
    own = np.sort(np.random.default_rng(0).standard_normal((5, groups, outputs, 1)).astype(np.float32) * 0.1, axis=0)
    channel = per_channel(weight)
    return [
        channel,
        Uniform(np.full((1, 1, 1), 0.05, np.float16), -2, 2),
        Uniform(np.full((groups, outputs, d), 0.04, np.float32), 0, 15, np.full((groups, outputs, d), 6, np.uint8)),
        Codebook(values[:, None, None, None], channel.scale * 3),
        Codebook(own, np.ones((1, 1, 1), np.float32)),
    ]


@settings(deadline=None, max_examples=50)
@given(layers, st.integers(0, 4), st.booleans())
def test_blocked_is_the_textbook(made: Layer, number: int, priced: bool) -> None:
    grid = grids(made.weight)[number]
    plain = grid.spread(made.weight.shape[2]).nearest(made.weight.astype(np.float64)).astype(np.int16)
    cost = rate.costs(plain, grid, made.U, 0.15 if priced else 0.0)
    codes, errors = quantize(made.weight, made.U, grid, cost)
    assert codes.dtype == np.int16 and codes.min() >= grid.low and codes.max() <= grid.high
    assert np.array_equal(codes, textbook(made.weight, made.H, grid, cost))
    assert np.allclose(errors, error(codes, grid, made.weight, made.H), rtol=1e-6, atol=1e-15)


@settings(deadline=None, max_examples=50)
@given(layers, st.integers(2, 40))
def test_a_grid_that_holds_the_weights_gives_them_back(made: Layer, limit: int) -> None:
    wanted = np.random.default_rng(0).integers(-limit, limit, made.weight.shape, endpoint=True)
    grid = Uniform(np.full((1, 1, 1), 0.1, np.float32), -limit, limit)
    codes, errors = quantize(grid.decode(wanted.astype(np.float64)), made.U, grid)
    assert np.array_equal(codes, wanted) and np.allclose(errors, 0, atol=1e-20)


@settings(deadline=None, max_examples=50)
@given(layers)
def test_batched_is_one_by_one(made: Layer) -> None:
    grid = per_channel(made.weight)
    codes, _ = quantize(made.weight, made.U, grid)
    for group in range(len(made.weight)):
        one = slice(group, group + 1)
        assert np.array_equal(codes[one], quantize(made.weight[one], made.U[one], per_channel(made.weight[one]))[0])
    for output in range(made.weight.shape[1]):
        row = made.weight[:, output : output + 1]
        assert np.array_equal(codes[:, output : output + 1], quantize(row, made.U, per_channel(row))[0])


@settings(deadline=None, max_examples=50)
@given(layers)
def test_without_correlation_it_rounds_to_nearest(made: Layer) -> None:
    grid = per_channel(made.weight)
    U = np.broadcast_to(np.diag(np.linspace(1, 2, made.weight.shape[2])), made.U.shape)
    codes, _ = quantize(made.weight, U, grid)
    assert np.array_equal(codes, grid.nearest(made.weight.astype(np.float64)))


@pytest.mark.parametrize("shape", [(1, 40, 300, 900), (30, 1, 9, 200)])
def test_gains_on_correlated_inputs(shape: tuple[int, int, int, int]) -> None:
    made = layer(*shape, seed=0)
    grid = per_channel(made.weight, 3)
    plain = grid.nearest(made.weight.astype(np.float64)).astype(np.int16)
    codes, errors = quantize(made.weight, made.U, grid)
    assert errors.sum() < 0.75 * error(plain, grid, made.weight, made.H).sum()
    assert codes.tobytes() == quantize(made.weight, made.U, grid)[0].tobytes()
