"""The exact bound of a probability, against published values and the sums it is defined by."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_cli.numerics.binomial import upper


@pytest.mark.parametrize(("events", "trials", "bound"), [
    (0, 20, 0.1391), (0, 300, 0.00994), (1, 20, 0.2161), (5, 100, 0.1023), (10, 10, 1.0), (0, 0, 1.0), (3, 0, 1.0)])
def test_bounds_of_tables(events: int, trials: int, bound: float) -> None:
    assert upper(events, trials) == pytest.approx(bound, abs=5e-5)


@settings(max_examples=50, deadline=None)
@given(trials=st.integers(1, 300), data=st.data())
def test_at_the_bound_so_few_events_have_probability_one_in_twenty(trials, data):
    events = data.draw(st.integers(0, trials - 1))
    p = upper(events, trials)
    assert events / trials < p <= 1
    chance = math.fsum(math.comb(trials, i) * p**i * (1 - p) ** (trials - i) for i in range(events + 1))
    assert chance == pytest.approx(0.05, rel=1e-6)


def test_no_event_is_the_rule_of_three() -> None:
    assert all(2.75 / n < upper(0, n) < 3 / n for n in (20, 100, 1000, 10**6))
