"""All items at once give what each gives alone, and the menu is ordered by what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.errors import UsageError
from lightweight_cli.numerics.moments import of_rows
from lightweight_cli.numerics.objective import objective
from lightweight_cli.numerics.solver import Method, posed
from lightweight_cli.search.items import HALF, MENU, PLAIN, SAFE, WIDE, Item, parse
from lightweight_cli.search.rounding import histogram
from lightweight_cli.search.together import together

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(1, 400, 24)) @ RANDOM.normal(size=(24, 24))
W = RANDOM.normal(size=(1, 12, 24)).astype(np.float32)


@pytest.mark.parametrize("item", [Item(0.25), Item(1.0), Item(1.4, 1)], ids=str)
def test_items_together_are_as_good_as_plain_rounding_of_each(item: Item) -> None:
    problem = posed(W, of_rows(X), Method())
    rms = float(np.sqrt(np.mean(W.astype(np.float64) ** 2)))
    (alone,) = together(problem, [item], rms, W.size, 1)
    among = together(problem, [Item(0.7), item, Item(2.0)], rms, W.size, 1)[1]
    assert np.array_equal(alone.counts, among.counts) and np.allclose(alone.errors, among.errors, rtol=1e-4)
    scale = item.step * rms
    plain = np.clip(np.rint(W / scale), -item.clip, item.clip)
    assert alone.errors.sum() < objective(plain * scale - W, problem.H).sum()
    assert alone.counts.sum() == W.size and np.flatnonzero(alone.counts.sum(0)).max() <= WIDE + item.clip


def test_coarser_items_have_larger_errors_and_fewer_codes() -> None:
    problem = posed(W, of_rows(X), Method())
    found = together(problem, PLAIN, 1.0, W.size, 1)
    errors, codes = [f.errors.sum() for f in found], [np.count_nonzero(f.counts.sum(0)) for f in found]
    assert errors == sorted(errors) and codes == sorted(codes, reverse=True)


def test_a_histogram_counts_every_code() -> None:
    codes = np.array([-2, 0, 0, 3], np.int16)
    assert histogram(codes, -3, 3).tolist() == [0, 1, 0, 2, 0, 0, 1]


@pytest.mark.parametrize("item", [*MENU, Item(0.18, WIDE, True), Item(0.4321), SAFE, HALF], ids=str)
def test_an_item_reads_as_it_prints(item: Item) -> None:
    assert parse(str(item), "") == item


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "1/0", "1/x", "1/5000", "nan", "inf"])
def test_what_is_no_item_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="must be a step"):
        parse(text, "--item w")
