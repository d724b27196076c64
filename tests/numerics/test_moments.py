"""Moments against least squares on the rows themselves: target, bias, prior."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_cli.numerics import prior, target
from lightweight_cli.numerics.moments import Moments, bias_shift, centred, checked, of_rows


def rows(groups: int, n: int, outputs: int, d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs with a mean, a weight, and outputs that the weight alone does not explain."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((groups, n, d)) + random.standard_normal((groups, 1, d))
    weight = random.standard_normal((groups, outputs, d))
    return x, weight, x @ weight.transpose(0, 2, 1) * 1.1 + 0.3 + 0.1 * random.standard_normal((groups, n, outputs))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 3), st.integers(1, 30), st.integers(1, 4), st.integers(1, 10), st.integers(0, 99))
def test_target_is_ridge_regression(groups: int, n: int, outputs: int, d: int, seed: int) -> None:
    x, weight, y = rows(groups, n, outputs, d, seed)
    moments = of_rows(x, y)
    found = target.moved(weight, moments)
    for group in range(groups):
        t = float(target.ridge(moments)[group, 0, 0])
        tall = np.concatenate([x[group] / np.sqrt(n), np.sqrt(t) * np.eye(d)])
        right = np.concatenate([y[group] / np.sqrt(n), np.sqrt(t) * weight[group].T])
        assert np.allclose(found[group], np.linalg.lstsq(tall, right, rcond=None)[0].T, atol=1e-8)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 30), st.integers(0, 99))
def test_target_of_outputs_that_are_the_weights_own(n: int, seed: int) -> None:
    x, weight, _ = rows(2, n, 3, 6, seed)
    moments = of_rows(x, x @ weight.transpose(0, 2, 1))
    assert np.allclose(target.moved(weight, moments), weight, atol=1e-9)
    assert np.allclose(target.moved_with_prior(weight, moments, prior.structural(6, ())), weight, atol=1e-9)
    for no_outputs in (target.moved(weight, of_rows(x)), target.moved_with_prior(weight, of_rows(x), np.eye(6))):
        assert np.array_equal(no_outputs, weight)


def test_target_with_prior_fits_where_rows_say_something() -> None:
    x, weight, y = rows(1, 5000, 2, 6)
    moments = centred(of_rows(x, y))
    assert np.allclose(target.moved_with_prior(weight, moments, prior.structural(6, (), mu=0)), weight * 1.1, rtol=0.12, atol=0.02)
    dead = of_rows(x * 0, y)
    assert np.isfinite(target.moved_with_prior(weight, dead, prior.structural(6, ()))).all()


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 3), st.integers(2, 30), st.integers(0, 99))
def test_centred_moments_and_bias(groups: int, n: int, seed: int) -> None:
    x, weight, y = rows(groups, n, 2, 5, seed)
    moments = of_rows(x, y)
    c = centred(moments)
    assert c.C is not None
    for group in range(groups):
        assert np.allclose(c.S[group], np.cov(x[group].T, bias=True))
        assert np.allclose(c.C[group], (y[group] - y[group].mean(0)).T @ (x[group] - x[group].mean(0)) / n)
    decoded = weight * 0.9
    shift = bias_shift(weight, decoded, moments)
    assert np.allclose((x @ decoded.transpose(0, 2, 1) + shift[:, None]).mean(1), y.mean(1))
    own = bias_shift(weight, decoded, of_rows(x))
    assert np.allclose((x @ decoded.transpose(0, 2, 1) + own[:, None]).mean(1), (x @ weight.transpose(0, 2, 1)).mean(1))


def test_prior() -> None:
    H0 = prior.structural(2, (1, 3), rho=0.5, mu=2)
    R = np.array([[1, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 1]])
    assert np.allclose(H0[:3, :3], R + 4) and np.allclose(H0[:3, 3:], 4) and H0.shape == (6, 6)
    assert np.array_equal(prior.structural(3, (), mu=0), np.eye(3))
    two = prior.structural(1, (2, 2), rho=0.5, mu=0)
    assert two[0].tolist() == [1, 0.5, 0.5, 0.25]
    assert np.linalg.eigvalsh(prior.structural(4, (5, 5), rho=0.9)).min() > 0


def test_mix() -> None:
    assert [prior.share(10, n) for n in (None, 1000, 40, 25, 1)] == [0.5, 0.5, 0.5, 0.8, 0.9]
    S = np.stack([np.diag([1.0, 3.0]), np.zeros((2, 2))])
    mixed = prior.mixed(S, np.eye(2) * 7, 0.25)
    assert np.allclose(mixed[0], np.diag([1.25, 2.75])) and not mixed[1].any()
    assert np.array_equal(prior.mixed(S, np.eye(2), 0.0), S)
    with pytest.raises(ValueError, match="share"):
        prior.mixed(S, np.eye(2), 1.5)


def test_refused() -> None:
    weight, S = np.ones((1, 2, 3)), np.eye(3)[None]
    checked(weight, Moments(S))
    for bad, moments, reason in (
        (weight, Moments(np.eye(2)[None]), "moment S of shape"),
        (weight, Moments(S, C=np.ones((1, 3, 2))), "moment C of shape"),
        (weight, Moments(S, mx=np.ones((1, 2))), "moment mx of shape"),
        (weight, Moments(S * np.nan), "moment S is not finite"),
        (weight, Moments(S, my=np.full((1, 2), np.inf)), "moment my is not finite"),
        (weight * np.nan, Moments(S), "weights are not finite"),
        (weight[0], Moments(S), "weight of shape"),
        (weight[:, :0], Moments(S), "weight of shape"),
        (weight, Moments(S, 0), "no rows"),
    ):
        with pytest.raises(ValueError, match=reason):
            checked(bad, moments)
    with pytest.raises(ValueError, match="no rows"):
        of_rows(np.ones((1, 0, 3)))
    for moments in (Moments(S), Moments(S, C=weight, mx=np.ones((1, 3)))):
        with pytest.raises(ValueError, match="without means"):
            centred(moments)
    with pytest.raises(ValueError, match="without means"):
        bias_shift(weight, weight, Moments(S))
