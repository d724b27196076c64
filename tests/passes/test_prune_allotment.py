"""How many zeros each tensor gets: exact in all, and none much more than its share."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.passes.prune import allotment


def bins_of(*scores: np.ndarray) -> list[np.ndarray]:
    return [allotment.counted(s.astype(np.float64)) for s in scores]


@pytest.mark.parametrize("most", [0.75, 0.6, 0.5])
def test_no_tensor_gets_more_than_the_bound_and_the_count_is_exact(most):
    rng = np.random.default_rng(0)
    scores = [rng.random(600) * 1e-6, rng.random(300), rng.random(101) * 10]  # the first would lose everything
    counts = allotment.allot(bins_of(*scores), 500, most)
    assert sum(counts) == 500 and all(n <= np.ceil(most * s.size) for n, s in zip(counts, scores, strict=True))
    assert counts[0] == np.ceil(most * 600) and counts[1] >= counts[2]
    assert allotment.allot(bins_of(*scores), 500) == [500, 0, 0]


def test_zeros_that_are_there_are_no_more_than_they_were():
    scores = [np.r_[np.zeros(95), np.ones(5)], np.ones(100)]
    assert allotment.allot(bins_of(*scores), 100, 0.75) == [95, 5]


def test_the_mean_of_inputs_is_the_biass():
    """Two layers that differ by the mean of what they see only lose alike where a bias makes up for it."""
    from lightweight_cli.numerics.moments import centred, of_rows

    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 400, 6)), rng.standard_normal((1, 5, 6))
    plain, moved = (centred(of_rows(x + shift)) for shift in (0, 30))
    assert np.array_equal(allotment.sensitivity(w, plain), allotment.sensitivity(w, moved))
    assert not np.array_equal(allotment.sensitivity(w, plain), allotment.sensitivity(w, of_rows(x + 30)))
