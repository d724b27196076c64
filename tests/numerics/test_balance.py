"""SmoothQuant: factors that lessen the error of rounded products, and none where nothing is gained."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.numerics.balance import DIGITS, Ends, balanced, noise

RANDOM = np.random.default_rng(0)
TOP = 63


def ends_of(rows):
    found = Ends()
    for part in np.array_split(rows, 3):
        found.add(part)
    return found.channels()


def error(rows, matrix, factors):
    """Of the products with both rounded."""
    x, w = rows / factors, matrix * factors
    low, high = min(x.min(), 0), max(x.max(), 0)
    step, top = (high - low) / 255, np.abs(w).max(1, keepdims=True) / TOP
    return (((np.rint(x / step) * step) @ (np.rint(w / top) * top).T - rows @ matrix.T) ** 2).mean()


@pytest.mark.parametrize("outliers", [1.0, 40.0])
def test_what_is_expected_comes_of_it(outliers):
    rows, matrix = RANDOM.standard_normal((600, 64)).astype(np.float32), RANDOM.standard_normal((48, 64)).astype(np.float32) / 8
    rows[:, :2] *= outliers
    seen = ends_of(rows)
    factors = balanced(seen, [matrix], TOP)
    plain = np.ones(64)
    assert noise(seen, [matrix], plain, TOP) == pytest.approx(48 * error(rows, matrix, plain), rel=0.15)
    if factors is not None:
        assert noise(seen, [matrix], factors, TOP) == pytest.approx(48 * error(rows, matrix, factors), rel=0.15)
        assert all(float(f"{f:.{DIGITS}g}") == pytest.approx(f) for f in factors)
    gained = 1.0 if factors is None else error(rows, matrix, plain) / error(rows, matrix, factors)
    assert gained > (0.98 if outliers == 1 else 4)


def test_channels_that_are_not_used_keep_theirs():
    rows, matrix = RANDOM.standard_normal((50, 8)), RANDOM.standard_normal((4, 8))
    rows[:, 3], matrix[:, 5], rows[:, 0] = 0, 0, rows[:, 0] * 90
    factors = balanced(ends_of(rows), [matrix], TOP)
    assert factors is not None and factors[3] == factors[5] == 1 and np.isfinite(factors).all()
    assert balanced(ends_of(np.zeros((5, 8))), [matrix], TOP) is None


def test_rows_of_another_length_tell_nothing():
    found = Ends()
    found.add(np.ones((2, 3, 4), np.float32))
    found.add(np.full((1, 4), -2, np.float32))
    assert found.channels().low.tolist() == [-2] * 4 and found.channels().power[0] == pytest.approx(10 / 7)
    found.add(np.ones((2, 5), np.float32))
    assert found.low is None
