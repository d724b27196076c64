"""Coordinate descent: never up, stops at a minimum, the same as one column at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import Layer, error, layer, layers, per_channel

from lightweight_cli.numerics import rate
from lightweight_cli.numerics.descent import descend
from lightweight_cli.numerics.grid import Codebook, Grid, Uniform


def some_grid(weight: np.ndarray, kind: str) -> Grid:
    groups, outputs, d = weight.shape
    if kind == "codebook":
        return Codebook(np.array([-2, -0.5, 0, 0.1, 1.7], np.float32)[:, None, None, None], per_channel(weight, 2).scale)
    if kind == "zero point":
        return Uniform(np.full((groups, outputs, d), 0.04, np.float32), 0, 15, np.full((groups, outputs, d), 7, np.uint8))
    return per_channel(weight, 3)


@settings(deadline=None, max_examples=60)
@given(layers, st.sampled_from(["uniform", "zero point", "codebook"]), st.sampled_from([0.0, 0.15, 2.0]), st.integers(1, 3), st.booleans())
def test_never_up(made: Layer, kind: str, kappa: float, sweeps: int, start_at_random: bool) -> None:
    grid = some_grid(made.weight, kind)
    codes = grid.spread(made.weight.shape[2]).nearest(made.weight.astype(np.float64)).astype(np.int16)
    if start_at_random:
        codes = np.random.default_rng(0).integers(grid.low, grid.high, codes.shape, np.int16, endpoint=True)
    cost = rate.costs(codes, grid, made.U, kappa)

    def objective(codes: np.ndarray) -> np.ndarray:
        bits = 0 if cost is None else grid.priced(codes, cost).sum(axis=2)
        return error(codes, grid, made.weight, made.H) + bits

    found = descend(made.weight, made.H, codes, grid, cost, sweeps)
    assert found.dtype == np.int16 and found.min() >= grid.low and found.max() <= grid.high
    assert (objective(found) <= objective(codes) * (1 + 1e-12) + 1e-18).all()
    again = descend(made.weight, made.H, found, grid, cost, 1)
    assert (objective(again) <= objective(found) * (1 + 1e-12) + 1e-18).all()


@settings(deadline=None, max_examples=40)
@given(layers)
def test_it_ends_where_no_single_code_is_better(made: Layer) -> None:
    grid = per_channel(made.weight, 3)
    codes = grid.nearest(made.weight.astype(np.float64)).astype(np.int16)
    found = descend(made.weight, made.H, codes, grid, sweeps=200)
    least = error(found, grid, made.weight, made.H)
    for j in range(made.weight.shape[2]):
        for move in (-1, 1):
            moved = found.copy()
            moved[:, :, j] = np.clip(moved[:, :, j] + move, grid.low, grid.high)
            assert (error(moved, grid, made.weight, made.H) >= least * (1 - 1e-9) - 1e-18).all()


def test_blocks_are_one_column_at_a_time() -> None:
    made = layer(1, 5, 600, 700, seed=3)
    grid = per_channel(made.weight, 3)
    codes = grid.nearest(made.weight.astype(np.float64))
    values, target = grid.decode(codes)[0], made.weight[0].astype(np.float64)
    for j in range(600):
        gradient = (values - target) @ made.H[0, :, j]
        chosen = grid.at(j, 600).nearest((values[:, j] - gradient / made.H[0, j, j])[None])
        codes[:, :, j], values[:, j] = chosen, grid.at(j, 600).decode(chosen)
    assert np.array_equal(codes, descend(made.weight, made.H, codes * 0 + grid.nearest(made.weight), grid))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_perfect_start_stays(dtype: type) -> None:
    made = layer(2, 3, 40, 100, seed=0)
    wanted = np.random.default_rng(0).integers(-3, 4, made.weight.shape, np.int16)
    grid = Uniform(np.full((1, 1, 1), 0.125, np.float32), -3, 3)
    assert np.array_equal(descend(grid.decode(wanted).astype(dtype), made.H, wanted, grid, sweeps=3), wanted)
