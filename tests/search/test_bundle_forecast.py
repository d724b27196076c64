"""What bundles are forecast to save."""

from __future__ import annotations

import numpy as np

from lightweight_cli.search import pricing
from lightweight_cli.search.bundles import kinds_of, saved
from lightweight_cli.weights.together import LARGEST

BELL = np.array([4, 30, 120, 240, 120, 30, 4])


def form(counts: np.ndarray, scales: int = 1) -> tuple[float, object]:
    return pricing.nbytes(counts, scales), kinds_of(counts, scales)


def test_weights_that_are_alike_save_what_their_trees_share() -> None:
    few, many = saved([form(BELL)] * 3), saved([form(BELL)] * 12)
    assert 0 < few < many < 12 * pricing.nbytes(BELL, 1) - pricing.nbytes(12 * BELL, 1)
    assert saved([form(BELL)] * 12 + [form(3 * BELL, 8)]) >= many
    assert saved([form(BELL)]) == saved([]) == 0


def test_what_no_bundle_takes_saves_nothing() -> None:
    assert kinds_of(np.full(2, LARGEST), 1) is None and kinds_of(np.ones(pricing.MOST_CODES + 1), 1) is None
    assert saved([(100.0, None), form(BELL)]) == 0
