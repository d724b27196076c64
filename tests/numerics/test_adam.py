"""Adam against its formula in float64, over chunks; the rate's course; clipping."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.numerics import adam


def test_steps_are_those_of_the_formula(monkeypatch):
    monkeypatch.setattr(adam, "CHUNK", 7)
    R = np.random.default_rng(0)
    w = R.standard_normal(20).astype(np.float32)
    exact, m, v = w.astype(np.float64), np.zeros(20), np.zeros(20)
    state = adam.Adam(20)
    for t in range(1, 6):
        g = R.standard_normal(20).astype(np.float32)
        state.step(w, g, 0.01)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * np.square(g.astype(np.float64))
        exact -= 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(w, exact, rtol=1e-5, atol=1e-6)


def test_the_rate_rises_and_falls_to_zero():
    rates = [adam.rate_at(k, 100, 0.1) for k in range(101)]
    assert rates[0] == pytest.approx(0.1 / 6) and max(rates) == rates[5] == 0.1 and rates[100] == pytest.approx(0)
    assert all(a > b for a, b in zip(rates[5:], rates[6:], strict=False))
    assert adam.rate_at(0, 1, 1.0) == 0.5


def test_long_gradients_are_shortened_and_short_ones_kept():
    g = np.array([3, 4], np.float32)
    assert adam.clip(g, 10) == 5 and g.tolist() == [3, 4]
    assert adam.clip(g, 1) == 5
    np.testing.assert_allclose(g, [0.6, 0.8], rtol=1e-6)
