"""Samples are drawn in the same order for a seed, each once before any again, and none that is held back trains."""

from __future__ import annotations

import numpy as np

from lightweight_cli.data.batches import Batch, Batches
from lightweight_cli.distillation.pool import HELD, pools


def rows(count: int, size: int) -> Batches:
    cuts = [np.arange(at, min(count, at + size), dtype=np.float32)[:, None] for at in range(0, count, size)]
    parts = [Batch({"x": x, "c": np.float32(7)}, len(x), ("x",)) for x in cuts]
    return Batches([parts], np.arange(count), len(parts))


def test_rows_are_shuffled_and_held_back():
    train, held = pools(rows(50, 16), 8, 3)
    assert held is not None and held.samples == round(HELD * 50) and train.samples + held.samples == 50
    kept = {int(v) for drawn in held for v in drawn.feed["x"].ravel()}  # with labels nothing is mixed
    seen = [int(v) for _ in range(5) for v in train.draw().feed["x"].ravel()]
    assert sorted([*seen, *kept]) == list(range(50)) and seen != sorted(seen)
    again, _ = pools(rows(50, 16), 8, 3)
    drawn = again.draw()
    assert drawn.feed["x"].ravel().tolist() == seen[:8] and drawn.labels is not None and drawn.labels.tolist() == seen[:8]
    assert drawn.feed["c"] == 7 and drawn.samples == 8
    other, _ = pools(rows(50, 16), 8, 4)
    assert other.draw().feed["x"].ravel().tolist() != seen[:8]


def test_samples_without_labels_are_mixed():
    batches = rows(40, 40)
    batches.labels = None
    train, held = pools(batches, 32, 0)
    x = train.draw().feed["x"].ravel()
    whole = x == np.rint(x)
    assert held is not None and 0.2 < whole.mean() < 0.8 and x.min() >= 0 and x.max() <= 39
    assert all((d.feed["x"] == np.rint(d.feed["x"])).all() for d in held)


def test_batches_that_cannot_be_cut_are_drawn_whole():
    parts = [Batch({"x": np.full((1, k + 1), k, np.float32)}, 1) for k in range(6)]
    train, held = pools(Batches([parts], None, 6), 8, 0)
    assert held is not None and held.samples == 1
    sizes = sorted(drawn.feed["x"].shape[1] for drawn in [train.draw() for _ in range(5)])
    assert sorted([*sizes, *(d.feed["x"].shape[1] for d in held)]) == [1, 2, 3, 4, 5, 6]


def test_one_sample_can_not_do_both():
    assert pools(rows(1, 1), 8, 0)[1] is None
