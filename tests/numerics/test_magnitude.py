"""Exact selection by magnitude against a stable sort."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics import magnitude
from lightweight_cli.numerics.magnitude import apply, largest, threshold

DTYPES = [np.float16, np.float32, np.float64, ml_dtypes.bfloat16]
values = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 65504.0, 1e-8, np.inf, -np.inf, np.nan]) | st.floats(width=16)


def chunked(w: np.ndarray, step: int) -> list[np.ndarray]:
    return [w[start : start + step] for start in range(0, w.size, step)]


def prune(chunks: list[np.ndarray], value: float | np.generic, ties: int) -> tuple[np.ndarray, int]:
    pruned, zeroed = [], 0
    for chunk in chunks:
        part, new, ties = apply(chunk, value, ties)
        pruned.append(part)
        zeroed += new
    assert ties == 0
    return np.concatenate(pruned), zeroed


@given(
    hnp.arrays(np.float64, st.integers(1, 60), elements=values), st.sampled_from(DTYPES), st.integers(1, 7), st.data()
)
def test_exactly_count_smallest(w: np.ndarray, dtype: type, step: int, data: st.DataObject) -> None:
    with np.errstate(over="ignore"):
        w = w.astype(dtype)
    size = int(np.count_nonzero(~np.isnan(w)))
    count = data.draw(st.integers(0, size))
    chunks = chunked(w, step)
    value, ties = threshold(chunks, count, dtype)
    pruned, zeroed = prune(chunks, value, ties)

    order = np.argsort(np.abs(w).astype(np.float64), kind="stable")[:count]  # NaN sorts last
    wanted = w.copy()
    wanted[order] = 0
    assert pruned.dtype == w.dtype and pruned.tobytes() == wanted.tobytes()
    assert zeroed == np.count_nonzero(w[order])


def test_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(magnitude, "PIECE", 1000)
    rng = np.random.default_rng(0)
    w = rng.standard_normal(300_001, dtype=np.float32)
    w[rng.integers(0, w.size, 100_000)] = 0.25
    ordered = np.sort(np.abs(w))
    for count in (1, 70_000, 150_000, w.size):
        value, ties = threshold([w[:1234], w[1234:]], count)
        assert value == ordered[count - 1] and ties == count - np.count_nonzero(ordered < value)
        pruned, _ = prune([w.reshape(-1)], value, ties)
        assert np.count_nonzero(pruned == 0) == count


def test_types_may_be_mixed() -> None:
    chunks = [np.array([1, 2], np.float16), np.array([1.5, 0.5], np.float32), np.array([0.25], ml_dtypes.bfloat16)]
    assert threshold(chunks, 4) == (1.5, 1)
    with pytest.raises(ValueError, match="float32 do not fit float16"):
        threshold(chunks, 4, np.float16)


@pytest.mark.parametrize("count", [-1, 3])
def test_count_out_of_range(count: int) -> None:
    with pytest.raises(ValueError, match="count"):
        threshold([np.array([1, np.nan, 2], np.float32)], count)
    with pytest.raises(ValueError, match="count"):
        threshold([np.array([1, 2], np.float32)], count)


@given(hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32)), st.integers(1, 9))
def test_largest(w: np.ndarray, step: int) -> None:
    wanted = np.nanmax(np.abs(w)) if (~np.isnan(w)).any() else 0.0
    assert largest(chunked(w, step)) == wanted


@pytest.mark.parametrize("dtype", DTYPES)
def test_absolute_threshold_is_exact(dtype: type) -> None:
    near = np.array(0.01, dtype)
    up, down = np.nextafter(near, dtype(1)), np.nextafter(near, dtype(-1))
    w = np.array([down, near, up, -down, -near, -up, 0, -0.0, np.nan, np.inf], dtype)
    pruned, zeroed, _ = apply(w, 0.01)
    small = np.abs(w.astype(np.float64)) < 0.01
    assert np.array_equal(pruned == 0, small) and zeroed == np.count_nonzero(small) - 2
    assert not np.signbit(pruned[small]).any()


def test_zero_threshold_changes_nothing() -> None:
    w = np.array([-0.0, 0, 1e-45, np.nan], np.float32)
    pruned, zeroed, ties = apply(w, 0.0)
    assert pruned.tobytes() == w.tobytes() and (zeroed, ties) == (0, 0)


def test_out_and_shape() -> None:
    w = np.arange(6, dtype=np.float32).reshape(2, 3)
    out = np.empty_like(w)
    pruned, zeroed, _ = apply(w, 2.5, out=out)
    assert pruned is out and zeroed == 2 and pruned.tolist() == [[0, 0, 0], [3, 4, 5]]
    assert apply(w.T, 2.5)[0].tolist() == [[0, 3], [0, 4], [0, 5]]


def test_a_limit_beyond_the_type_zeroes_all_that_is_finite() -> None:
    w = np.array([1, -np.finfo(np.float32).max, np.inf, np.nan], np.float32)
    pruned, zeroed, _ = apply(w, 3.5e38)
    assert zeroed == 2 and np.array_equal(pruned, np.array([0, 0, np.inf, np.nan], np.float32), equal_nan=True)
