"""Codebooks against brute force, plain Lloyd and their promises."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics import kmeans
from lightweight_cli.numerics.kmeans import assign, codebook, seed
from lightweight_cli.numerics.sketch import Points, sketch

small = hnp.arrays(np.float32, st.integers(1, 40), elements=st.integers(-20, 20).map(float))
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


def cost(w: np.ndarray, centroids: np.ndarray) -> float:
    nearest = centroids[assign(w, centroids)].astype(np.float64)
    return float(((w - nearest) ** 2).sum())


def best_cost(w: np.ndarray, levels: int) -> float:
    """Over all ways to cut the sorted weights into cells."""
    w = np.sort(w.astype(np.float64))
    cuts = combinations(range(1, w.size), min(levels, w.size) - 1)
    return min(sum(float(((cell - cell.mean()) ** 2).sum()) for cell in np.split(w, cut)) for cut in cuts)


@given(hnp.arrays(np.float32, st.integers(1, 9), elements=st.integers(-20, 20).map(float)), st.integers(1, 4))
def test_seed_is_optimal(w: np.ndarray, levels: int) -> None:
    found = codebook(sketch([w]), levels)
    assert cost(w, found) <= best_cost(w, levels) * (1 + 1e-5) + 1e-9


@given(small, st.integers(1, 8), st.booleans(), st.integers(1, 9))
def test_codebook_is_sorted_distinct_and_small(w: np.ndarray, levels: int, zero: bool, step: int) -> None:
    found = codebook(sketch([w[start : start + step] for start in range(0, w.size, step)]), levels, zero)
    assert found.dtype == np.float32 and (np.diff(found) > 0).all()
    assert found.size <= levels and (not zero or (found == 0).any()) and not np.signbit(found[found == 0]).any()
    if np.union1d(w, [0] if zero else []).size <= levels:
        assert np.isin(w, found).all()


@given(
    hnp.arrays(np.float32, st.integers(0, 40), elements=finite), st.lists(finite, min_size=1, max_size=20, unique=True)
)
def test_assign_is_nearest(w: np.ndarray, levels: list[float]) -> None:
    values = np.unique(np.array(levels, np.float32))
    codes = assign(w, values)
    assert codes.dtype == np.uint8 and codes.shape == w.shape
    distance = np.abs(w.astype(np.float64)[:, None] - values.astype(np.float64))
    assert (distance[np.arange(w.size), codes] <= distance.min(1, initial=np.inf)).all()
    assert np.array_equal(values[assign(values, values)], values)


def test_assign_256_levels_and_shapes() -> None:
    values = np.arange(256, dtype=np.float32)
    tile = np.random.default_rng(0).uniform(-1, 300, (300, 400)).astype(np.float32)
    assert np.array_equal(assign(tile, values), np.clip(np.ceil(tile - 0.5), 0, 255))
    assert assign(np.array(7.2), values) == 7 and assign(tile[:0], values).shape == (0, 400)
    assert assign(np.array([0.0], np.float32), np.array([-1e-45, 0], np.float32)) == [1]


def test_large_tensor_is_near_optimal() -> None:
    rng = np.random.default_rng(0)
    w = (rng.standard_normal(400_000) * 0.05).astype(np.float32)
    for levels, lloyd_max in ((4, 0.1175), (16, 0.009497), (32, 0.002499)):  # Max 1960, table I: Gaussian distortion
        found = codebook(sketch([w[:1000], w[1000:]]), levels)
        assert found.size == levels
        assert cost(w, found) / w.size / 0.05**2 == pytest.approx(lloyd_max, rel=0.02)
    assert cost(w, codebook(sketch([w]), 256)) / w.size / 0.05**2 < 4.5e-5  # Panter-Dite 4.15e-5


def test_clusters_of_a_large_tensor_are_found() -> None:
    levels = np.array([-0.3, -0.07, 0.01, 0.011, 0.02, 0.5, 1.5], np.float32)
    shares = np.array([0.001, 0.2, 0.3, 0.2, 0.2, 0.098, 0.001])
    w = np.random.default_rng(0).choice(levels, 200_000, p=shares)
    assert np.array_equal(codebook(sketch([w]), 7), levels)


def test_one_huge_value_does_not_blur_the_others() -> None:
    w = np.random.default_rng(0).choice(np.array([-3e38, 0.1, 0.2, 0.7], np.float32), 1000)
    assert np.array_equal(codebook(sketch([w]), 4), np.unique(w))
    w[0] = 0.70001
    found = codebook(sketch([w]), 4)
    assert found[0] == np.float32(-3e38) and (np.diff(found) > 0).all() and found[-1] == pytest.approx(0.7, rel=0.5)


def test_zeros_are_kept() -> None:
    rng = np.random.default_rng(0)
    w = rng.standard_normal(200_000).astype(np.float32)
    w[np.abs(w) < 1.3] = 0
    found = codebook(sketch([w]), 16, zero=True)
    assert found.size == 16 and (found[assign(w, found)][w == 0] == 0).all()
    assert cost(w, found) < 0.02 * cost(w, np.zeros(1))


def test_importance_draws_centroids() -> None:
    w = np.array([[0.0, 1.0, 2.0, 3.0]], np.float32)
    points = sketch([w], [np.array([[1000.0, 1000.0, 1.0, 1.0]])])
    assert codebook(points, 3) == pytest.approx([0, 1, 2.5])
    assert codebook(sketch([w], [np.array([[1.0, 0, 0, 3.0]])]), 1) == pytest.approx([2.25])
    many = np.random.default_rng(0).standard_normal((2, 100_000)).astype(np.float32)
    heavy = codebook(sketch([many, many + 100], [np.ones((2, 1)), np.full((1, 1), 1e-6)]), 16)
    assert np.count_nonzero(heavy < 50) > 8


def test_degenerate() -> None:
    assert codebook(sketch([]), 4).size == 0 and codebook(sketch([]), 4, zero=True).tolist() == [0]
    assert codebook(sketch([np.full(7, 3, np.float32)]), 4).tolist() == [3]
    assert codebook(sketch([np.full(100_000, 3, np.float32)]), 4).tolist() == [3]
    assert codebook(sketch([np.array([1, 2], np.float32)]), 1, zero=True).tolist() == [0]
    assert codebook(sketch([np.array([3e38, -3e38, 1, 2], np.float32)]), 3).size == 3
    with pytest.raises(ValueError, match="not finite"):
        sketch([np.array([np.nan], np.float32)])
    with pytest.raises(ValueError, match="not finite in float32"):
        sketch([np.array([1e300])])


def test_seed_merges_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmeans, "MOST_POINTS", 64)
    values = np.sort(np.random.default_rng(0).standard_normal(5000))
    assert np.array_equal(np.sort(seed(Points(values, np.ones(5000)), 8)), seed(Points(values, np.ones(5000)), 8))


def test_pinned_values_stay() -> None:
    w = np.random.default_rng(0).standard_normal(100_000).astype(np.float32)
    w[7] = 40
    free, pinned = codebook(sketch([w]), 4), codebook(sketch([w]), 4, pinned=[40.0])
    assert free[-1] < 3 and pinned[-1] == 40 and pinned.size == 4
    assert cost(w[w < 40], pinned) == pytest.approx(cost(w[w < 40], codebook(sketch([w[w < 40]]), 3)), rel=0.02)
    assert codebook(sketch([w]), 3, zero=True, pinned=[-5.0, 40.0]).tolist() == [-5, 0, 40]
    with pytest.raises(ValueError, match="levels 2: 3 values are fixed"):
        codebook(sketch([w]), 2, zero=True, pinned=[-5.0, 40.0])
