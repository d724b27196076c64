"""Zeros and what the other weights become: exact counts, textbook scores, and least squares as numpy solves it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numerics.layers import layer, layers

from lightweight_cli.numerics import damping, masked_fit, saliency, sparsify, zeros
from lightweight_cli.numerics.moments import Moments
from lightweight_cli.numerics.objective import objective


def test_scores_are_those_of_the_papers():
    w = np.array([[[1.0, -2.0], [3.0, 0.0]]])
    S = np.array([[[4.0, 1.0], [1.0, 9.0]]])
    U = np.linalg.cholesky(np.linalg.inv(S)).transpose(0, 2, 1)
    assert np.array_equal(saliency.magnitude(w), np.abs(w))
    assert np.allclose(saliency.share(w), [[[0.5, 0.5], [0.5, 0.5]]])
    assert np.array_equal(saliency.wanda(w, S), [[[2, 6], [6, 0]]])
    assert np.allclose(saliency.obs(w, saliency.inverse_diagonal(U)), w**2 / np.diagonal(np.linalg.inv(S[0])))
    assert np.allclose(saliency.lamp(w), [[[1 / 14, 4 / 13], [1, 0]]])


@given(st.integers(0, 60), st.integers(0, 100))
@settings(max_examples=30)
def test_the_least_are_exactly_so_many_and_the_first_of_equals(count, seed):
    scores = np.random.default_rng(seed).integers(0, 6, (2, 5, 6)).astype(float)
    mask = zeros.least(scores, count)
    expected = np.zeros(60, bool)
    expected[np.argsort(scores.reshape(-1), kind="stable")[:count]] = True
    assert np.array_equal(mask.reshape(-1), expected)


def test_no_count_beyond_the_weights_and_no_order_of_nan():
    with pytest.raises(ValueError, match="count 3: there are 2"):
        zeros.least(np.zeros(2), 3)
    with pytest.raises(ValueError, match="NaN"):
        zeros.least(np.array([1.0, np.nan]), 1)


def test_two_of_four_and_what_is_left_at_the_end():
    scores = np.array([[[5, 1, 2, 9, 3, 3, 3, 3, 1, 4, 2.0]]])
    mask = zeros.n_of_m(scores, 2, 4)
    assert mask[0, 0].tolist() == [False, True, True, False, True, True, False, False, True, False, False]


def test_blocks_go_whole_the_least_first():
    scores = np.repeat(np.repeat(np.array([[[3.0, 1.0], [2.0, 4.0]]]), 2, axis=1), 3, axis=2)[:, :, :5]
    mask = zeros.blocks(scores, 2, 3, 9)  # blocks of 6 and, at the end, 4 weights
    assert mask[:, :2, 3:].all() and mask.sum() == 4
    assert zeros.blocks(scores, 2, 3, 10).sum() == 10 and zeros.blocks(scores, 2, 3, 20).all()


@given(layers, st.floats(0, 1), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_the_fit_is_least_squares_under_the_mask(found, part, seed):
    target, H = found.weight.astype(np.float64), found.H
    mask = np.random.default_rng(seed).random(target.shape) < part
    values = masked_fit.fit(target, H, mask, steps=200)
    exact = np.zeros_like(target)
    for g, o in np.ndindex(target.shape[:2]):
        kept = np.flatnonzero(~mask[g, o])
        exact[g, o, kept] = np.linalg.solve(H[g][np.ix_(kept, kept)], (target[g, o] @ H[g])[kept])
    assert not values[mask].any()
    best, got = objective(exact - target, H), objective(values - target, H)
    assert (got <= best * (1 + 1e-3) + 1e-9 * objective(target, H)).all()


@given(layers, st.sampled_from(sparsify.CRITERIA), st.floats(0.1, 0.9), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_the_asked_share_and_never_worse_than_zeroing(found, criterion, part, rounds):
    count = round(part * found.weight.size)
    values, mask = sparsify.sparsified(found.weight, found.moments, criterion, lambda s, f: zeros.least(s, round(f * count)), rounds)
    assert mask.sum() == max(count, np.count_nonzero(found.weight == 0)) and not values[mask].any()
    S = found.moments.S / damping.mean_diagonal(found.moments.S).mean()
    H, _ = damping.factored(S, damping.strength(S, found.moments.n))
    zeroed = objective(np.where(mask, 0, found.weight) - found.weight, H).sum()
    assert objective(values - found.weight, H).sum() <= zeroed * (1 + 1e-9) + 1e-12


def test_what_an_input_tells_already_is_made_up_for():
    twin = layer(1, 4, 6, 50, 0)
    x = np.random.default_rng(0).standard_normal((1, 200, 3))
    x = np.concatenate([x, x], axis=2)  # every input stands there twice
    S = x.transpose(0, 2, 1) @ x / 200
    values, mask = sparsify.sparsified(twin.weight, Moments(S, 200), "obs", lambda s, f: zeros.n_of_m(s, 6 - round(3 * f), 6), 3, every=6)
    smallest = np.where(zeros.n_of_m(np.abs(twin.weight), 3, 6), 0, twin.weight)
    compared = (values - twin.weight, smallest - twin.weight, twin.weight)
    off, plain, power = (float(np.square(x @ w.transpose(0, 2, 1)).sum()) for w in compared)
    assert mask.sum() == 12 and off < 0.01 * power and off < 0.05 * plain


def test_rows_with_nan_are_refused():
    found = layer(1, 2, 3, 10, 0)
    with pytest.raises(ValueError, match="not finite"):
        sparsify.sparsified(found.weight, found.moments._replace(S=found.moments.S * np.nan), "obs", lambda s, f: s > 0)


@given(layers, st.floats(0.1, 0.9))
@settings(max_examples=15, deadline=None)
def test_solved_again_under_the_mask_is_as_good(found, part):
    count = round(part * found.weight.size)
    values, mask = sparsify.sparsified(found.weight, found.moments, "obs", lambda s, f: zeros.least(s, round(f * count)), 8)
    again = sparsify.refitted(found.weight, found.moments, mask)
    S = found.moments.S / damping.mean_diagonal(found.moments.S).mean()
    H = damping.damped(S, damping.strength(S, found.moments.n))
    first, second = (objective(v - found.weight, H).sum() for v in (values, again))
    assert not again[mask].any() and second <= first * 1.02 + 1e-9 and first <= second * 1.02 + 1e-9
