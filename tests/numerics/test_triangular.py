"""The factor of an inverse against numpy's inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_cli.numerics import triangular
from lightweight_cli.numerics.triangular import inverse_factor, lower_inverse


def positive(groups: int, d: int, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((groups, 2 * d + 5, d))
    return x.transpose(0, 2, 1) @ x / (2 * d + 5)


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 3), st.sampled_from([1, 2, 9, 63, 64, 65, 128, 129, 200]), st.integers(0, 99))
def test_factor_of_the_inverse(groups: int, d: int, seed: int) -> None:
    H = positive(groups, d, seed)
    U = inverse_factor(H)
    assert U.flags.c_contiguous and not np.tril(U, -1).any()
    assert np.allclose(U.transpose(0, 2, 1) @ U @ H, np.eye(d), atol=1e-8)
    assert np.allclose(U[0], inverse_factor(H[:1])[0], rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 200), st.integers(0, 99))
def test_lower_inverse(d: int, seed: int) -> None:
    lower = np.linalg.cholesky(positive(2, d, seed))
    inverse = lower_inverse(lower)
    assert not np.triu(inverse, 1).any()
    assert np.allclose(inverse @ lower, np.eye(d), atol=1e-9)


def test_wide_factors_are_single_and_near(monkeypatch: pytest.MonkeyPatch) -> None:
    H = positive(1, 300) + np.eye(300) * 0.01
    exact = inverse_factor(H)
    monkeypatch.setattr(triangular, "SINGLE", 299)
    near = inverse_factor(H)
    assert near.dtype == np.float32 and np.abs(near - exact).max() < 1e-4 * np.abs(exact).max()


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.array([[1.0, 2.0], [2.0, 1.0]]), np.full((2, 2), np.nan)])
def test_not_positive(matrix: np.ndarray) -> None:
    with pytest.raises(np.linalg.LinAlgError):
        inverse_factor(matrix[None])
