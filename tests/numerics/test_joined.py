"""Rows that judged join the others afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.numerics import parts
from lightweight_cli.numerics.held_out import HeldOut, joined, relative_errors
from lightweight_cli.numerics.moments import of_rows


@pytest.mark.parametrize("groups", [1, 3])
def test_moments_of_all_rows_are_those_of_both_parts(groups):
    random = np.random.default_rng(0)
    w, x, o = (random.standard_normal(s) for s in ((groups, 4, 6), (groups, 50, 6), (groups, 50, 6)))
    y = o @ w.swapaxes(1, 2)
    found = joined(w, of_rows(x[:, :40], y[:, :40]), HeldOut(x[:, 40:], o[:, 40:]))
    whole = of_rows(x, y)
    assert found.n == 50 and all(np.allclose(getattr(found, m), getattr(whole, m)) for m in ("S", "C", "mx", "my"))


def test_a_wide_layer_is_joined_part_by_part(monkeypatch):
    monkeypatch.setattr(parts, "WIDEST", 8)
    monkeypatch.setattr(parts, "PART", 5)
    random = np.random.default_rng(0)
    w, x = random.standard_normal((1, 4, 12)), random.standard_normal((1, 50, 12))
    cut, rows = parts.split(w), parts.split(x)
    whole = of_rows(rows, rows @ cut.swapaxes(1, 2))
    found = joined(w, of_rows(rows[:, :40], rows[:, :40] @ cut.swapaxes(1, 2)), HeldOut(x[:, 40:]))
    assert np.allclose(found.S, whole.S) and np.allclose(found.C, whole.C) and np.allclose(found.my, whole.my)


def test_the_bias_counts_in_the_error():
    random = np.random.default_rng(0)
    w, q, x = (random.standard_normal(s).astype(np.float32) for s in ((2, 5, 7), (2, 5, 7), (2, 30, 7)))
    off = x @ q.swapaxes(1, 2) - x @ w.swapaxes(1, 2)
    shift = -off.mean(1)
    assert relative_errors(w, [q, q], HeldOut(x), [None, shift])[1] == pytest.approx(
        ((off - off.mean(1, keepdims=True)) ** 2).sum() / ((x @ w.swapaxes(1, 2)) ** 2).sum(), rel=1e-4)
