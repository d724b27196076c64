"""What calibrates and what judges: never the same sample, whatever holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_cli.data.batches import Batch, Batches
from lightweight_cli.data.portion import MOST, Portion, chosen, open_portion
from lightweight_cli.runtime.sessions import Interface, Port

FREE = Interface((Port("x", "tensor(float)", ("n", 2)),), (), ())
ONE = Interface((Port("x", "tensor(float)", (1, 2)),), (), ())


def numbered(folder: Path, count: int) -> str:
    """Save samples whose values are their numbers, and labels that are too."""
    path = str(folder / "data.npz")
    np.savez(path, x=np.repeat(np.arange(count, dtype=np.float32)[:, None], 2, 1), labels=np.arange(count))
    return path


def samples(batches: Batches) -> list[int]:
    """Return the numbers of the samples, which the labels repeat."""
    found = [int(v) for batch in batches for v in batch.feed["x"][:, 0]]
    assert found == batches.labels.tolist()
    return found


@pytest.mark.parametrize("model", [FREE, ONE], ids=["free batch", "batch of one"])
@pytest.mark.parametrize(("count", "calibrate"), [(2, 1), (3, 1), (30, 10), (100, 33), (1000, MOST)])
def test_a_third_calibrates_and_the_rest_judges(tmp_path: Path, model: Interface, count: int, calibrate: int) -> None:
    path = numbered(tmp_path, count)
    one, two = (open_portion(Portion((path,), role), model) for role in ("calibrate", "judge"))
    first, second = samples(one), samples(two)
    assert len(first) == calibrate and (one.of, two.of) == (count, count - calibrate)
    assert sorted(first + second) == list(range(count)) and first == sorted(first)
    assert first == samples(one), "can be gone through again"


def test_another_seed_is_another_share(tmp_path: Path) -> None:
    path = numbered(tmp_path, 100)
    drawn = [samples(open_portion(Portion((path,), "calibrate", seed=s), FREE)) for s in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("role", ["all", "calibrate", "judge"])
def test_a_cap_keeps_the_sides_apart(tmp_path: Path, role: str) -> None:
    path = numbered(tmp_path, 100)
    some, whole = (samples(open_portion(Portion((path,), role, most), FREE)) for most in (7, None))
    assert len(some) == 7 and set(some) <= set(whole)


def test_one_sample_can_only_judge(tmp_path: Path) -> None:
    path = numbered(tmp_path, 1)
    assert samples(open_portion(Portion((path,), "judge"), FREE)) == [0]
    assert not list(open_portion(Portion((path,), "calibrate"), FREE))


@settings(max_examples=100, deadline=None)
@given(sizes=st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=9), most=st.none() | st.integers(1, 40),
       seed=st.integers(0, 5))
def test_whole_batches_that_cannot_be_cut(sizes, most, seed):
    made, start = [], 0
    for size, free in sizes:
        made.append(Batch({"x": np.arange(start, start + size, dtype=np.float32)[:, None]}, size, ("x",) if free else ()))
        start += size
    one, two = (chosen(Batches([made], np.arange(start)), role, most, seed) for role in ("calibrate", "judge"))
    first, second = set(samples(one)), set(samples(two))
    assert not first & second and second
    assert most is not None or first | second == set(range(start))
    for batch, (size, free) in zip(made, sizes, strict=True):
        if not free:
            assert {len(set(batch.feed["x"][:, 0].astype(int)) & side) for side in (first, second)} <= {0, size}
