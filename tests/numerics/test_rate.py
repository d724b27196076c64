"""Prices of codes against Shannon."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from layers import layer, per_channel

from lightweight_cli.numerics import rate
from lightweight_cli.numerics.grid import Codebook, Uniform

codes = hnp.arrays(np.int16, st.integers(1, 60), elements=st.integers(-4, 3))


@settings(deadline=None)
@given(codes)
def test_bits_are_a_code(found: np.ndarray) -> None:
    bits = rate.code_bits(found, -4, 3)
    assert bits.shape == (8,) and (bits > 0).all() and (2.0**-bits).sum() == pytest.approx(1)
    seen, counts = np.unique(found, return_counts=True)
    assert (np.argsort(bits[seen + 4], kind="stable") == np.argsort(-counts, kind="stable")).all()
    p = counts / found.size
    assert rate.entropy(found) == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-12)
    assert rate.entropy(found) <= bits[found + 4].mean() + 1e-12


def test_many_codes() -> None:
    found = np.random.default_rng(0).integers(-4, 4, (1, 100, 1000)).astype(np.int16)
    assert rate.entropy(found) == pytest.approx(3, abs=0.001)
    assert rate.code_bits(found, -4, 3) == pytest.approx(np.full(8, 3), abs=0.05)


def test_price_of_a_bit() -> None:
    U = np.stack([np.diag([1.0, 0.5, 2.0])])  # curvatures 1, 4, .25
    assert rate.bit_price(U, Uniform(np.full((1, 1, 1), 0.5, np.float32), -1, 1), 0.15) == pytest.approx(0.15 * 0.25)
    values = np.array([-1, 0, 3], np.float32)[:, None, None, None]
    assert rate.bit_price(U, Codebook(values, np.ones((1, 1, 1), np.float32)), 0.1) == pytest.approx(0.1 * 4)
    assert rate.bit_price(U, Codebook(values[:1], np.ones((1, 1, 1), np.float32)), 0.1) == pytest.approx(0.1)


def test_costs() -> None:
    made = layer(1, 4, 8, 50, 0)
    grid = per_channel(made.weight)
    found = grid.nearest(made.weight).astype(np.int16)
    assert rate.costs(found, grid, made.U, 0.0) is None
    cost = rate.costs(found, grid, made.U, 0.15)
    assert cost is not None and cost.shape == (15,) and (cost > 0).all()
