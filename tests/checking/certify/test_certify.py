"""Budgets held by certificates: exact values, and never more than the rows show."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_cli.checking.certify.budget import Budget, Goal, settle
from lightweight_cli.checking.certify.certificate import Certificate
from lightweight_cli.checking.certify.certify import certify
from lightweight_cli.checking.certify.choices import Choices
from lightweight_cli.checking.certify.held import Held
from lightweight_cli.checking.certify.strings import Strings
from lightweight_cli.checking.certify.variation import Variation
from lightweight_cli.data.batches import Batch
from lightweight_cli.numerics.binomial import upper
from lightweight_cli.runtime.sessions import Interface, Port

POINT = Budget(max_drop=0.01)


def interface(*outputs: tuple, feed: tuple = ("x", "tensor(float)", ("n", 2))) -> Interface:
    return Interface((Port(*feed),), tuple(Port(*o) for o in outputs), ())


CLASSES = interface(("y", "tensor(float)", ("n", 10)))


def held(values: np.ndarray, *, labels: np.ndarray | None = None, step: int = 32, model: Interface = CLASSES, **more: object) -> Held:
    """Hold rows of one output, in batches of `step`."""
    found = Held(model, labels=labels, **more)
    for at in range(0, len(values), step):
        part = values[at : at + step]
        found.add(Batch({"x": np.zeros((len(part), 2), np.float32)}, len(part), ("x",)), [part])
    return found


def judged(rows: Held, values: np.ndarray, budget: Budget, step: int = 32) -> Certificate:
    return certify(rows, ([values[at : at + step]] for at in range(0, len(values), step)), rows.goal(budget))


def scores(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 5, (n, 10)).astype(np.float32)


def changed(x: np.ndarray, rows: int) -> np.ndarray:
    """Return the scores with another first answer in so many rows."""
    y = x.copy()
    y[:rows] = -y[:rows]
    return y


@pytest.mark.parametrize(("rows", "more", "sentence"), [
    (20, {}, "20 rows can't show a drop under 15 points: holding a 30 dB floor instead"),
    (299, {}, "299 rows can't show a drop under 1 point: holding a 30 dB floor instead"), (300, {}, ""),
    (1, {}, "1 row can't show a drop under 300 points: holding a 30 dB floor instead"),
    (5, {"proportion": False}, "5 rows can't show a drop: holding a 30 dB floor instead"), (8, {"proportion": False}, ""),
    (0, {}, "0 rows can't show a drop: holding a 30 dB floor instead"),
    (1000, {"synthetic": True}, "synthetic inputs can't show a drop: holding a 30 dB floor instead")])
def test_what_so_many_rows_can_show(rows: int, more: dict, sentence: str) -> None:
    goal = settle(POINT, rows, **more)
    assert (goal.sentence, goal.floor) == (sentence, 30.0 if sentence else None)


def test_no_drop_asked_for_needs_no_rows() -> None:
    assert settle(Budget(min_sqnr=35), 0) == Goal(Budget(min_sqnr=35))


def test_with_labels_the_metric_decides() -> None:
    x = scores(1000)
    labels = x.argmax(1)
    rows = held(x, labels=labels)
    good, bad = judged(rows, changed(x, 10), POINT), judged(rows, changed(x, 11), POINT)
    assert (good.holds, bad.holds) == (True, False) and good.estimate == pytest.approx(0.01) and good.metric.name == "top1"
    assert good.bound == pytest.approx(10 / 1002 + 1.959964 * math.sqrt(11 - 100 / 1002) / 1002) and good.bound == good.metric.high
    assert good.sentence.startswith("top1 drops by 1 point, at most 1.6 points, ")
    assert good.sentence.endswith(" on 1,000 rows: within the budget")
    assert bad.sentence.endswith("over the budget of 1 point")


def test_confident_holds_by_the_upper_end() -> None:
    x = scores(1000)
    rows, sure = held(x, labels=x.argmax(1)), Budget(0.01, confident=True)
    assert judged(rows, changed(x, 2), sure).holds and not judged(rows, changed(x, 6), sure).holds
    wrong = np.where(np.arange(1000) < 6, (x.argmax(1) + 1) % 10, x.argmax(1))
    better = held(x, labels=wrong)  # six answers of the original are wrong
    assert judged(better, x, sure).estimate == 0


def test_sequences_that_all_agree_still_have_a_bound() -> None:
    tokens = Held(interface(("y", "tensor(float)", ("n", 4, 10))), labels=np.zeros((12, 4), np.int64))
    values = scores(48).reshape(12, 4, 10)
    tokens.add(Batch({"x": np.zeros((12, 2), np.float32)}, 12, ("x",)), [values])
    found = certify(tokens, [[values]], Goal(Budget(0.01, confident=True)))
    assert found.metric.high == 0 and found.bound == upper(0, 12) and not found.holds


def test_without_labels_the_original_says_what_it_gives_up() -> None:
    x = scores(600)
    rows = held(x)
    p = np.exp(x - x.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    y = changed(x, 4)
    lost = np.take_along_axis(p, x.argmax(1)[:, None], 1)[:, 0] - np.take_along_axis(p, y.argmax(1)[:, None], 1)[:, 0]
    found = judged(rows, y, POINT)
    assert isinstance(rows.evidence()["y"], Choices)
    assert found.estimate == pytest.approx(1.6 * (lost.mean() + lost.std(ddof=1) / math.sqrt(600)), rel=1e-5)
    assert found.bound == upper(4, 600) and not found.holds
    assert judged(rows, changed(x, 1), POINT).holds and not judged(rows, changed(x, 2), Budget(0.01, confident=True)).holds


def test_too_few_rows_hold_a_floor() -> None:
    x = scores(20)
    rows, rng = held(x), np.random.default_rng(1)
    centred = x - x.mean(1, keepdims=True)
    noise = rng.normal(0, 1, x.shape)
    noise -= noise.mean(1, keepdims=True)
    noise *= np.sqrt(np.square(centred).sum() / np.square(noise).sum())
    close, far = (judged(rows, (x + noise * 10 ** (-dB / 20)).astype(np.float32), POINT) for dB in (30.1, 29.9))
    assert (close.holds, far.holds, close.floor, far.floor) == (True, False, 30.0, 30.0)
    assert close.sqnr == pytest.approx(30.1, abs=1e-3) and close.loss == pytest.approx(10**-3.01, rel=1e-3)
    assert far.sentence.endswith("29.9 dB on 20 rows: below the floor of 30 dB")


def test_the_floor_is_no_excuse_for_a_drop_that_shows() -> None:
    x = scores(20)
    x[:3] = 0
    x[:3, 0], x[:3, 1] = 1e-3, 0
    y = x.copy()
    y[:3, 1] = 2e-3
    found = judged(held(x, labels=x.argmax(1)), y, POINT)
    assert found.sqnr > 30 and found.estimate == pytest.approx(0.15) and not found.holds


def test_synthetic_rows_show_no_drop() -> None:
    x = scores(40)
    found = judged(held(x, synthetic=True), x, POINT)
    assert (found.holds, found.estimate, found.bound, found.floor, found.sqnr) == (True, None, None, 30.0, math.inf)


def test_a_floor_asked_for_is_of_the_outputs_as_they_are() -> None:
    x = scores(40) + 1000
    y = x + np.float32(1)
    found = judged(held(x), y, Budget(min_sqnr=59))
    assert found.holds and found.plain_sqnr == pytest.approx(60, abs=0.1) and found.sqnr > 90
    assert not judged(held(x), y, Budget(min_sqnr=61)).holds


@pytest.mark.parametrize("output", [np.zeros((20, 9), np.float32), np.zeros((20, 10)), np.full((20, 10), np.nan, np.float32)])
def test_what_a_candidate_breaks_never_holds(output: np.ndarray) -> None:
    x = scores(20)
    assert not judged(held(x), output, POINT).holds and not judged(held(x), output, Budget(min_sqnr=1)).holds


def test_which_evidence_an_output_gives() -> None:
    rng = np.random.default_rng(0)
    speech = np.eye(5, dtype=np.float32)[rng.integers(0, 2, (6, 20))] * 9
    logits = interface(("logits", "tensor(float)", ("n", 20, 5)))
    assert isinstance(held(speech, model=logits).evidence()["logits"], Strings)
    tokens = Held(interface(("logits", "tensor(float)", ("n", 20, 5)), feed=("ids", "tensor(int64)", ("n", 20))))
    tokens.add(Batch({"ids": np.zeros((6, 20), np.int64)}, 6, ("ids",)), [speech])
    assert isinstance(tokens.evidence()["logits"], Choices), "a step a token is no alignment"
    both = Held(interface(("label", "tensor(int64)", ("n",)), ("embedding", "tensor(float)", ("n", 8))))
    both.add(Batch({"x": np.zeros((6, 2), np.float32)}, 6, ("x",)), [np.arange(6), rng.normal(size=(6, 8)).astype(np.float32)])
    assert {name: type(e) for name, e in both.evidence().items()} == {"embedding": Variation}


def test_embeddings_need_few_rows() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (40, 64)).astype(np.float32)
    rows = held(x, model=interface(("embedding", "tensor(float)", ("n", 64))))
    assert rows.goal(POINT).floor is None
    noise = rng.normal(0, 1, x.shape).astype(np.float32)
    assert judged(rows, x + 0.08 * noise, POINT).holds and not judged(rows, x + 0.12 * noise, POINT).holds


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 400), lost=st.integers(0, 40), most=st.sampled_from([0.001, 0.01, 0.05, 0.3]), sure=st.booleans(),
       labelled=st.booleans())
def test_a_budget_that_holds_was_shown(n, lost, most, sure, labelled):
    x = scores(n)
    rows, lost = held(x, labels=x.argmax(1) if labelled else None), min(n, lost)
    found = judged(rows, changed(x, lost), Budget(most, confident=sure))
    if found.holds and found.floor is None:
        assert n * most >= 3 and found.estimate <= most and (not sure or found.bound <= most)
    if found.holds and found.floor is not None:
        assert found.sqnr >= 30
    assert found.bound >= lost / n if not labelled else found.bound >= found.estimate == pytest.approx(lost / n)
    assert found.bound >= upper(0, n)
