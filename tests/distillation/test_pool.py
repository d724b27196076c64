"""Samples are drawn in the same order for a seed, each once before any again, and none that is held back trains."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.data.batches import Batch, Batches
from lightweight_cli.data.portion import Portion, open_portion
from lightweight_cli.distillation import pool
from lightweight_cli.distillation.pool import pool_of
from lightweight_cli.pipeline.run import LEARNING
from lightweight_cli.runtime.sessions import Interface, Port


def rows(count: int, size: int) -> Batches:
    cuts = [np.arange(at, min(count, at + size), dtype=np.float32)[:, None] for at in range(0, count, size)]
    parts = [Batch({"x": x, "c": np.float32(7)}, len(x), ("x",)) for x in cuts]
    return Batches([parts], np.arange(count), len(parts))


def test_rows_are_shuffled_and_each_is_drawn_before_any_again():
    train = pool_of(rows(40, 16), 8, 3)
    seen = [int(v) for _ in range(5) for v in train.draw().feed["x"].ravel()]  # with labels nothing is mixed
    assert sorted(seen) == list(range(40)) and seen != sorted(seen)
    drawn = pool_of(rows(40, 16), 8, 3).draw()
    assert drawn.feed["x"].ravel().tolist() == seen[:8] and drawn.labels is not None and drawn.labels.tolist() == seen[:8]
    assert drawn.feed["c"] == 7 and drawn.samples == 8
    assert pool_of(rows(40, 16), 8, 4).draw().feed["x"].ravel().tolist() != seen[:8]
    assert [v for d in train.judging() for v in d.feed["x"].ravel()] == list(range(40))


def test_a_batch_is_cut_in_parts_of_like_size():
    train = pool_of(rows(40, 16), 8, 3)
    drawn = train.draw()
    parts = list(train.parts(drawn, 3))
    assert [p.samples for p in parts] == [3, 3, 2] and all(p.feed["c"] == 7 for p in parts)
    assert np.array_equal(np.concatenate([p.feed["x"] for p in parts]), drawn.feed["x"])
    assert drawn.labels is not None and [v for p in parts for v in p.labels] == drawn.labels.tolist()  # type: ignore[union-attr]
    assert list(train.parts(drawn, 8)) == [drawn]


def test_many_samples_are_in_a_file(monkeypatch):
    monkeypatch.setattr(pool, "IN_MEMORY", 10)
    found = pool.pool_of(rows(40, 16), 8, 3)
    assert isinstance(found.rows["x"], np.memmap) and type(found.draw().feed["x"]) is np.ndarray
    assert [v for d in found.judging() for v in d.feed["x"].ravel()] == list(range(40))


def test_samples_without_labels_are_mixed():
    batches = rows(40, 40)
    batches.labels = None
    found = pool_of(batches, 32, 0)
    x = found.draw().feed["x"].ravel()
    whole = x == np.rint(x)
    assert 0.2 < whole.mean() < 0.8 and x.min() >= 0 and x.max() <= 39
    judging = [d.feed["x"].ravel() for d in found.judging()]
    assert [len(x) for x in judging] == [32, 32, 8, 8] and np.array_equal(judging[0], np.arange(32)) and np.ptp(judging[1] % 1) > 0.5


def test_batches_that_cannot_be_cut_are_drawn_whole():
    parts = [Batch({"x": np.full((1, k + 1), k, np.float32)}, 1) for k in range(6)]
    found = pool_of(Batches([parts], None, 6), 8, 0)
    assert sorted(found.draw().feed["x"].shape[1] for _ in range(6)) == [1, 2, 3, 4, 5, 6]
    assert [d.feed["x"].shape[1] for d in found.judging()] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("count", [2, 50])
def test_what_trains_is_apart_from_what_tells_which_is_best(tmp_path, count):
    np.savez(tmp_path / "x.npz", x=np.arange(count, dtype=np.float32)[:, None])
    model = Interface((Port("x", "tensor(float)", (None, 1)),), (), ())
    portions = [Portion((str(tmp_path / "x.npz"),), seed=3, half=half, selecting=LEARNING) for half in ("select", "confirm")]
    train, held = ([int(v) for b in open_portion(p, model) for v in b.feed["x"].ravel()] for p in portions)
    assert sorted([*train, *held]) == list(range(count)) and len(train) == (40 if count == 50 else 1)
