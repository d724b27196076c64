"""Numbers of listed values, by bit pattern."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics.lookup import beyond, lookup
from lightweight_cli.numerics.stats import statistics


@given(hnp.arrays(np.uint32, st.integers(1, 60), elements=st.integers(0, 2**32 - 1) | st.sampled_from([0, 1 << 31])))
def test_values_come_back_bit_for_bit(patterns: np.ndarray) -> None:
    w = patterns.view(np.float32)
    values = statistics([w]).values
    assert values is not None
    codes = lookup(w, values)
    assert codes.dtype == np.uint8 and values[codes].tobytes() == w.tobytes()


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16, np.int8, np.uint16])
def test_other_types_and_256_values(dtype: type) -> None:
    w = np.random.default_rng(0).integers(-128, 128, (300, 400)).astype(dtype)
    values = statistics([w]).values
    assert values is not None and values.size == 256
    assert np.array_equal(values[lookup(w, values)], w)


def test_beyond_counts_edges() -> None:
    assert beyond(np.array([[0.0, 1.0, 1.5, 9.0]]), np.array([1.0, 2.0])).tolist() == [[0, 0, 1, 2]]
    assert beyond(np.array([3.0]), np.empty(0)).tolist() == [0] and beyond(np.empty((0, 3)), np.ones(2)).shape == (0, 3)
