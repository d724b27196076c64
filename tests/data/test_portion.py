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
    one, two = (chosen(Batches([made], np.arange(start)), Portion((), role, most, seed)) for role in ("calibrate", "judge"))
    first, second = set(samples(one)), set(samples(two))
    assert not first & second and second
    assert most is not None or first | second == set(range(start))
    for batch, (size, free) in zip(made, sizes, strict=True):
        if not free:
            assert {len(set(batch.feed["x"][:, 0].astype(int)) & side) for side in (first, second)} <= {0, size}


@pytest.mark.parametrize("model", [FREE, ONE], ids=["free batch", "batch of one"])
@pytest.mark.parametrize(("count", "role", "parts"), [
    (30, "judge", (10, 13, 7)), (1000, "judge", (MOST, 496, 248)), (30, "all", (0, 20, 10)), (18, "all", (0, 12, 6))])
def test_fresh_rows_neither_calibrate_nor_select(tmp_path: Path, model: Interface, count: int, role: str, parts: tuple[int, ...]) -> None:
    path = numbered(tmp_path, count)
    fit = samples(open_portion(Portion((path,), "calibrate"), model)) if role == "judge" else []
    select, confirm = (open_portion(Portion((path,), role, half=half), model) for half in ("select", "confirm"))
    found = [*fit, *samples(select), *samples(confirm)]
    assert (len(fit), len(samples(select)), len(samples(confirm))) == parts and sorted(found) == list(range(count))
    assert select.fresh and confirm.fresh and (select.of, confirm.of) == parts[1:]


@pytest.mark.parametrize("count", [1, 5, 15])
def test_too_few_to_keep_fresh_ones_apart_is_told(tmp_path: Path, count: int) -> None:
    select, confirm = (open_portion(Portion((numbered(tmp_path, count),), half=half), FREE) for half in ("select", "confirm"))
    assert samples(select) == samples(confirm) == list(range(count)) and select.fresh is confirm.fresh is False


def test_another_share_calibrates(tmp_path: Path) -> None:
    path = numbered(tmp_path, 50)
    one, two = (samples(open_portion(Portion((path,), role, share=0.8), FREE)) for role in ("calibrate", "judge"))
    assert len(one) == 40 and sorted(one + two) == list(range(50))


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=9), seed=st.integers(0, 5))
def test_halves_never_overlap(sizes, seed):
    made, start = [], 0
    for size, free in sizes:
        made.append(Batch({"x": np.arange(start, start + size, dtype=np.float32)[:, None]}, size, ("x",) if free else ()))
        start += size
    parts = [chosen(Batches([made], np.arange(start)), Portion((), "judge", seed=seed, half=half)) for half in ("select", "confirm")]
    one, two = (set(samples(p)) for p in parts)
    assert parts[0].fresh is parts[1].fresh and one and two and (one == two if not parts[0].fresh else not one & two)
    whole = set(samples(chosen(Batches([made], np.arange(start)), Portion((), "judge", seed=seed))))
    assert one | two == whole
