"""Passes that lose nothing give back extreme values bit for bit; `make fuzz` tries more of them."""

from __future__ import annotations

from corpus.verdicts import Verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.exact import exact


@given(st.integers(0, 1 << 32))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_tables_of_extreme_values_keep_every_bit(seed: int) -> None:
    recipe, found = exact(seed)
    assert found.verdict is Verdict.EQUAL, (seed, recipe, found)
