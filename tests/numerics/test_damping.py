"""Damping gives a factor whatever the moments, and says so when it can't."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_cli.numerics import damping


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 4), st.integers(1, 40), st.integers(0, 50), st.sampled_from([1e-200, 1e-12, 1.0, 1e150]), st.integers(0, 999))
def test_any_second_moment_has_a_factor(groups: int, d: int, n: int, size: float, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((groups, n, d))
    x[:, :, :: 1 + seed % 3] = 0  # dead inputs; all of them for every third seed
    S = x.transpose(0, 2, 1) @ x * size
    for fraction in (0.01, 0.0):
        H, U = damping.factored(S, damping.strength(S, max(1, n), fraction))
        assert np.isfinite(U).all() and (np.einsum("gii->gi", U) > 0).all()
        if fraction:
            assert np.allclose(U.transpose(0, 2, 1) @ U @ H, np.eye(d), atol=1e-6)


def test_strength() -> None:
    S = np.stack([np.diag([1.0, 3.0]), np.zeros((2, 2))])
    assert damping.strength(S, None).tolist() == [0.02, 0.01]
    assert damping.strength(S, 100).tolist() == [0.02, 0.01]
    assert damping.strength(S, 2).tolist() == [0.08, 0.04]
    assert np.array_equal(damping.damped(S, np.array([1.0, 2.0]))[1], 2 * np.eye(2))


def test_only_the_group_that_needs_it_gets_more() -> None:
    good = np.eye(2)
    bad = np.array([[1.0, 1.1], [1.1, 1.0]])  # not even positive semidefinite
    S = np.stack([good, bad])
    H, U = damping.factored(S, damping.strength(S, None))
    alone = damping.factored(S[:1], damping.strength(S[:1], None))
    assert np.array_equal(H[0], alone[0][0]) and np.array_equal(U[0], alone[1][0])
    assert H[1, 0, 0] > 1.05 and np.isfinite(U).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_is_refused(value: float) -> None:
    S = np.eye(3)[None]
    S[0, 1, 1] = value
    with pytest.raises(ValueError, match="not finite"):
        damping.factored(S, np.ones(1))


def test_hopeless_is_refused() -> None:
    with pytest.raises(ValueError, match="not positive"):
        damping.factored(np.array([[[1.0, 1e9], [1e9, 1.0]]]), np.array([0.01]))
