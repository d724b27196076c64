"""The objective and the visits of columns against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_cli.numerics import objective, precision
from lightweight_cli.numerics.columns import turned, visit


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 40), st.sampled_from([1, 7, 256]), st.booleans())
def test_objective(groups: int, outputs: int, d: int, block: int, single: bool) -> None:
    random = np.random.default_rng(d)
    x = random.standard_normal((groups, d + 3, d))
    H = x.transpose(0, 2, 1) @ x
    difference = random.standard_normal((groups, outputs, d))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective, "BLOCK", block)
        patch.setattr(precision, "PRECISE", 0 if single else 1 << 40)
        found = objective.objective(difference, H)
    assert found.dtype == np.float64 and precision.working((1, 1, 1)) == np.float64
    assert np.allclose(found, np.einsum("goi,gij,goj->go", difference, H, difference), rtol=1e-4 if single else 1e-10)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 3), st.integers(1, 100), st.integers(1, 4), st.integers(0, 9))
def test_visits_are_in_order_and_spread(groups: int, d: int, outputs: int, start: int) -> None:
    random = np.random.default_rng(d)
    state, coupling = random.standard_normal((groups, d, outputs)), random.standard_normal((groups, d, d)) * 0.05
    expected, visited, wanted = state.copy(), [], np.empty_like(state)

    def step(j: int, column: np.ndarray) -> np.ndarray:
        visited.append(j)
        return np.tanh(column) + j

    for j in range(d):
        wanted[:, j] = np.tanh(expected[:, j]) + start + j
        expected[:, j + 1 :] -= coupling[:, j, j + 1 :, None] * wanted[:, None, j]
    moves = np.empty_like(state)
    visit(state, coupling, step, moves, start)
    assert visited == list(range(start, start + d))
    assert np.allclose(moves, wanted, rtol=1e-9, atol=1e-9)
    assert np.array_equal(turned(turned(moves)), moves) and turned(moves).flags.c_contiguous
