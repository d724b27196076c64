"""Layers for the solver's tests: weights, correlated inputs, and textbook forms to compare with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from lightweight_cli.numerics import damping
from lightweight_cli.numerics.grid import Grid, Uniform
from lightweight_cli.numerics.moments import Moments, of_rows


class Layer(NamedTuple):
    """A weight, its moments, damped moments and their factor."""

    weight: np.ndarray
    moments: Moments
    H: np.ndarray
    U: np.ndarray


def layer(groups: int, outputs: int, d: int, n: int, seed: int, dead: bool = False) -> Layer:
    """Correlated inputs with a mean; with dead, the first is always zero."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((groups, n, d)) @ random.standard_normal((groups, d, d)) + random.standard_normal((groups, 1, d))
    if dead:
        x[:, :, 0] = 0
    weight = (random.standard_normal((groups, outputs, d)) * 0.1).astype(np.float32)
    moments = of_rows(x)
    return Layer(weight, moments, *damping.factored(moments.S, damping.strength(moments.S, n)))


layers = st.builds(
    layer,
    st.integers(1, 3),
    st.integers(1, 6),
    st.one_of(st.integers(1, 12), st.integers(13, 90)),
    st.integers(1, 80),
    st.integers(0, 1000),
    st.booleans(),
)


def error(codes: np.ndarray, grid: Grid, target: np.ndarray, H: np.ndarray) -> np.ndarray:
    """tr (Q - W) H (Q - W)' of each output, in float64."""
    left = grid.spread(codes.shape[2]).decode(codes.astype(np.float64)) - target
    return np.einsum("goi,gij,goj->go", left, H, left)


def per_channel(weight: np.ndarray, limit: int = 7) -> Uniform:
    """A symmetric grid that clips nothing."""
    most = np.abs(weight).max(axis=2, keepdims=True)
    return Uniform((np.where(most > 0, most, 1) / limit).astype(np.float32), -limit, limit)
