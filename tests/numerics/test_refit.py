"""Refitted scales: never worse, exact where one scale is all there is, within their type."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import Layer, error, layer, layers, per_channel

from lightweight_cli.numerics.grid import Codebook, Grid, Uniform
from lightweight_cli.numerics.refit import refit
from lightweight_cli.numerics.scales import reduced


def laid(weight: np.ndarray, granularity: str, kind: str, dtype: type) -> Grid:
    groups, outputs, d = weight.shape
    shape = {
        "tensor": (1, 1, 1),
        "channel": (groups, outputs, 1),
        "shared channel": (1, outputs, 1),
        "column": (groups, outputs, d),
        "halves": (groups, outputs, 2 - d % 2),
    }[granularity]
    scale = np.maximum(reduced(np.maximum, np.abs(weight), shape) / 3, 1e-3).astype(dtype)
    if kind == "codebook":
        return Codebook(np.array([-3, -1, 0, 0.5, 2], np.float32)[:, None, None, None], scale)
    return Uniform(scale, 0, 15, np.full(shape, 6, np.uint8)) if kind == "zero point" else Uniform(scale, -3, 3)


@settings(deadline=None, max_examples=80)
@given(
    layers,
    st.sampled_from(["tensor", "channel", "shared channel", "column", "halves"]),
    st.sampled_from(["uniform", "zero point", "codebook"]),
    st.sampled_from([np.float32, np.float16]),
)
def test_never_worse(made: Layer, granularity: str, kind: str, dtype: type) -> None:
    grid = laid(made.weight, granularity, kind, dtype)
    codes = grid.spread(made.weight.shape[2]).nearest(made.weight.astype(np.float64)).astype(np.int16)
    found, total = refit(made.weight, made.H, codes, grid)
    before, after = error(codes, grid, made.weight, made.H).sum(), error(codes, found, made.weight, made.H).sum()
    assert after <= before * (1 + 1e-12) + 1e-18
    assert np.isclose(total, after, rtol=1e-9, atol=1e-12)
    assert found.scale.dtype == dtype and found.scale.shape == grid.scale.shape and (found.scale > 0).all()


@settings(deadline=None, max_examples=50)
@given(layers, st.floats(0.5, 2))
def test_the_scale_that_made_the_weights_is_found(made: Layer, factor: float) -> None:
    grid = per_channel(made.weight)
    codes = grid.nearest(made.weight.astype(np.float64)).astype(np.int16)
    target = grid.decode(codes.astype(np.float64))
    found, total = refit(target, made.H, codes, grid._replace(scale=grid.scale * np.float32(factor)))
    assert np.allclose(found.scale, grid.scale, rtol=1e-6) and total < 1e-9


def test_least_squares() -> None:
    made = layer(2, 3, 20, 50, seed=1)
    grid = per_channel(made.weight, 3)
    codes = grid.nearest(made.weight.astype(np.float64)).astype(np.int16)
    found, _ = refit(made.weight, made.H, codes, grid)
    v, H = codes.astype(np.float64), made.H
    wanted = np.einsum("goi,gij,goj->go", v, H, made.weight) / np.einsum("goi,gij,goj->go", v, H, v)
    assert np.allclose(found.scale[:, :, 0], wanted, rtol=1e-6)
    tensor, _ = refit(made.weight, made.H, codes, Uniform(np.full((1, 1, 1), 0.05, np.float32), -3, 3))
    wanted = np.einsum("goi,gij,goj->", v, H, made.weight) / np.einsum("goi,gij,goj->", v, H, v)
    assert tensor.scale.item() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("code", [0, -1])
def test_codes_without_a_best_scale_keep_it(code: int) -> None:
    made = layer(1, 2, 8, 50, seed=0)
    grid = Uniform(np.full((1, 2, 1), 0.25, np.float32), -3, 3)
    target = np.ones((1, 2, 8))  # codes -1: the best scale would be negative
    found, _ = refit(target, made.H * 0 + np.eye(8), np.full((1, 2, 8), code, np.int16), grid)
    assert np.array_equal(found.scale, grid.scale)
