"""Statistics against counting in plain Python."""

from __future__ import annotations

from collections import Counter

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics.bits import bits
from lightweight_cli.numerics.stats import statistics

values = st.sampled_from([0.0, 0.0, 0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, -2.5])


def entries(nonzero: np.ndarray) -> int:
    """8-bit gaps, one at a time."""
    count, last = 0, -1
    for position in np.flatnonzero(nonzero):
        gap = int(position) - last
        while gap > 255:
            count, gap = count + 1, gap - 255
        count, last = count + 1, int(position)
    return count


@given(
    hnp.arrays(np.float32, st.integers(0, 60), elements=values),
    st.sampled_from([np.float16, np.float32, np.float64, ml_dtypes.bfloat16]),
    st.integers(1, 9),
)
def test_counts(w: np.ndarray, dtype: type, step: int) -> None:
    w = w.astype(dtype)
    found = statistics([w[start : start + step] for start in range(0, max(1, w.size), step)])
    assert (found.size, found.zeros) == (w.size, np.count_nonzero(bits(w) == 0))
    assert found.not_finite == np.count_nonzero(~np.isfinite(w))
    assert found.delta_entries == entries(bits(w))
    assert found.values is not None and found.counts is not None and found.values.dtype == w.dtype
    assert dict(zip(bits(found.values).tolist(), found.counts.tolist(), strict=True)) == Counter(bits(w).tolist())
    plain = found.values[~np.isnan(found.values)].astype(np.float64)
    assert (plain[1:] >= plain[:-1]).all()


@pytest.mark.parametrize("density", [0.0, 0.0005, 0.003, 0.1, 1.0])
def test_gaps_across_pieces(density: float) -> None:
    rng = np.random.default_rng(0)
    w = (rng.random(300_000) < density).astype(np.float32)
    found = statistics([w[:100], w[100:100], w[100:200_000], w[200_000:]])
    assert found.delta_entries == entries(w != 0) and found.zeros == np.count_nonzero(w == 0)
    assert found.counts is not None and found.counts.sum() == w.size


def test_signed_zeros_are_two_values() -> None:
    found = statistics([np.array([0.0, -0.0, 1.0, -1.0, 0.0], np.float32)])
    assert found.values is not None and found.values.tolist() == [-1, 0, 0, 1]
    assert np.signbit(found.values).tolist() == [True, True, False, False]
    assert found.counts is not None and found.counts.tolist() == [1, 1, 2, 1]


@pytest.mark.parametrize("distinct", [1, 255, 256, 257, 100_000])
def test_up_to_256_values(distinct: int) -> None:
    w = np.random.default_rng(0).permutation(np.arange(200_000, dtype=np.float32) % distinct)
    found = statistics([w])
    assert (found.values is None) == (distinct > 256)
    if found.values is not None:
        assert np.array_equal(found.values, np.arange(distinct))
    late = np.zeros(200_000, np.float32)
    late[-distinct:] = np.arange(distinct)
    assert (statistics([late]).values is None) == (distinct > 256)


def test_integers() -> None:
    found = statistics([np.array([3, -1, 0, 3], np.int64)])
    assert found.values is not None and found.values.tolist() == [-1, 0, 3] and found.not_finite == 0
