"""Scales laid over weights: nothing clipped unless asked, and then for less error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics import scales

weights = hnp.arrays(np.float32, (2, 3, 8), elements=st.floats(-100, 100, width=32))
shapes = st.sampled_from([(1, 1, 1), (2, 1, 1), (1, 3, 1), (2, 3, 1), (2, 3, 2), (2, 3, 8)])


@settings(deadline=None)
@given(weights, shapes, st.integers(2, 8), st.booleans(), st.booleans())
def test_largest_clips_nothing(weight: np.ndarray, shape: tuple[int, int, int], bits: int, symmetric: bool, half: bool) -> None:
    grid = scales.largest(weight, shape, bits, symmetric, half)
    assert grid.scale.shape == shape and (grid.zero_point is None) == symmetric
    wide = grid.spread(8)
    miss = np.abs(wide.decode(wide.nearest(weight.astype(np.float64))) - weight)
    assert (miss <= wide.scale * (0.5 if symmetric else 1.0) * (1 + 1e-5)).all()


@settings(deadline=None)
@given(weights, shapes, st.booleans())
def test_clipping_lowers_the_error_it_looks_at(weight: np.ndarray, shape: tuple[int, int, int], weighted: bool) -> None:
    importance = np.random.default_rng(0).uniform(0.1, 3, (2, 8)) if weighted else None
    grid = scales.largest(weight, shape, 3)
    found = scales.clipped(weight, grid, importance)
    assert found.scale.dtype == grid.scale.dtype and (found.scale <= grid.scale).all() and (found.scale > 0.39 * grid.scale).all()

    def error(grid: scales.Uniform) -> np.ndarray:
        wide = grid.spread(8)
        mass = 1 if importance is None else importance[:, None]
        return scales.reduced(np.add, (wide.decode(wide.nearest(weight)) - weight) ** 2 * mass, shape)

    assert (error(found) <= error(grid)).all()


def test_clipping_helps_gaussian_weights_at_3_bits() -> None:
    weight = np.random.default_rng(0).standard_normal((1, 20, 500)).astype(np.float32)
    grid = scales.largest(weight, (1, 20, 1), 3)
    found = scales.clipped(weight, grid)
    error = [((g.decode(g.nearest(weight)) - weight) ** 2).mean() for g in (grid, found)]
    assert error[1] < 0.75 * error[0]


@settings(deadline=None)
@given(weights, shapes)
def test_step_is_a_multiple_of_the_rms(weight: np.ndarray, shape: tuple[int, int, int]) -> None:
    grid = scales.step(weight, shape, 0.5, 1023)
    assert (grid.low, grid.high, grid.scale.shape) == (-1023, 1023, shape) and (grid.scale > 0).all()
    if shape == (1, 1, 1) and weight.any():
        assert grid.scale.item() == pytest.approx(max(1.2e-38, 0.5 * np.sqrt((weight.astype(np.float64) ** 2).mean())), rel=1e-5)


def test_zeros_have_a_scale() -> None:
    zeros = np.zeros((1, 2, 4), np.float32)
    for grid in (scales.largest(zeros, (1, 2, 1), 4), scales.step(zeros, (1, 1, 1), 0.5, 7)):
        assert (grid.scale == 1).all() and (scales.clipped(zeros, grid).scale == 1).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 0), (3, 1, 1), (2, 2, 1)])
def test_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="don't divide"):
        scales.largest(np.ones((2, 3, 8), np.float32), shape, 4)
    with pytest.raises(ValueError, match="not finite"):
        scales.largest(np.full((2, 3, 8), np.nan, np.float32), (1, 1, 1), 4)
