"""Codebooks of layers: weighted, with outliers kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import Layer, layers

from lightweight_cli.numerics import codebooks
from lightweight_cli.numerics.grid import Codebook


def miss(grid: Codebook, weight: np.ndarray) -> np.ndarray:
    wide = grid.spread(weight.shape[2])
    return wide.decode(wide.nearest(weight)) - weight


@settings(deadline=None, max_examples=40)
@given(layers, st.integers(1, 16), st.booleans())
def test_codebooks_are_sorted_grids(made: Layer, levels: int, zero: bool) -> None:
    weight, importance = made.weight, np.einsum("gii->gi", made.H)
    groups, outputs, _ = weight.shape
    grid = codebooks.shared(weight, importance, (groups, outputs, 1), levels, zero)
    assert grid.values.shape[1:] == (1, 1, 1) and len(grid.values) <= levels
    assert grid.values.dtype == grid.scale.dtype == np.float32 and (np.diff(grid.values, axis=0) >= 0).all()
    assert not zero or (grid.values == 0).any(axis=0).all()


def test_heavy_columns_draw_the_values() -> None:
    random = np.random.default_rng(0)
    weight = random.standard_normal((1, 50, 40)).astype(np.float32)
    weight[:, :, :20] = np.abs(weight[:, :, :20])
    importance = np.where(np.arange(40) < 20, 100.0, 0.01)[None]
    grids = [codebooks.shared(weight, by, (1, 1, 1), 8) for by in (importance, np.ones((1, 40)))]
    error = [(miss(g, weight) ** 2 * importance[:, None]).sum() for g in grids]
    assert error[0] < 0.6 * error[1]


def test_outliers_are_pinned() -> None:
    weight = np.random.default_rng(0).standard_normal((1, 4, 20_000)).astype(np.float32)
    weight[0, :, 5], weight[0, 1, 9] = 37, -30
    grid = codebooks.shared(weight, np.ones((1, 20_000)), (1, 1, 1), 8)
    left = miss(grid, weight)
    assert np.abs(left[0, :, 5]).max() < 1e-4 and np.abs(left[0, 1, 9]) < 1e-4 and (left**2).mean() < 0.13


def test_zeros_and_constants() -> None:
    weight = np.zeros((1, 3, 5), np.float32)
    weight[0, 1] = 0.25
    assert not miss(codebooks.shared(weight, np.ones((1, 5)), (1, 3, 1), 4), weight).any()


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan, 1e300])
def test_weights_that_are_not_finite_are_refused(odd):
    weight = np.ones((1, 4, 8))
    weight[0, 1, 2] = odd
    with pytest.raises(ValueError, match="^weights are not finite$"):
        codebooks.shared(weight, np.ones((1, 8)), (1, 4, 2), 4)
