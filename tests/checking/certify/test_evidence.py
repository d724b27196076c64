"""What each kind of evidence estimates, by values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_cli.checking.certify.choices import Choices
from lightweight_cli.checking.certify.equality import Equality
from lightweight_cli.checking.certify.strings import Strings, blank_of
from lightweight_cli.checking.certify.variation import Variation
from lightweight_cli.checking.metrics.reading import logits, probabilities, reading
from lightweight_cli.numerics.binomial import upper

P = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]], np.float32)
SWAPPED = P[:, [1, 0, 2]]


@pytest.mark.parametrize(("x", "read"), [
    (P, "probabilities"), (np.log(P), "logarithms"), (np.log(P) + 7, "logits"), (P / 2, "independent")])
def test_the_ways_to_read_scores(x: np.ndarray, read: str) -> None:
    assert reading(x) == read
    assert probabilities(x, read) == pytest.approx(P / 2 if read == "independent" else P, abs=1e-6)
    centred = np.log(P) - np.log(P).mean(-1, keepdims=True)
    assert logits(x, read) == pytest.approx(x if read == "independent" else centred, abs=1e-5)


@pytest.mark.parametrize("read", ["probabilities", "logarithms", "logits"])
def test_a_classifier_gives_up_what_the_original_gave_its_first_answers(read: str) -> None:
    make = {"probabilities": lambda p: p, "logarithms": np.log, "logits": lambda p: 3 + np.log(p)}[read]
    found = Choices(1, read)
    found.add(make(P), make(SWAPPED))  # rows 0 and 1 change their answers: .5 and .1 given up
    assert found.rows == pytest.approx(np.array([[0.5, 1], [0.1, 1], [0, 0], [0, 0]]), abs=1e-6)
    drop, spread = found.drop(), np.std([0.5, 0.1, 0, 0], ddof=1) / 2
    assert drop.found == pytest.approx(1.6 * 0.15, abs=1e-6) and drop.estimate == pytest.approx(1.6 * (0.15 + spread), abs=1e-6)
    assert drop.bound == pytest.approx(upper(2, 4))


def test_the_error_is_that_of_the_logits_however_the_model_ends() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 4, (50, 7))
    y = x + rng.normal(0, 0.1, x.shape) + rng.normal(0, 9, (50, 1))  # what is added to a whole row does nothing
    centred = [v - v.mean(1, keepdims=True) for v in (x, y)]
    right = 10 * math.log10(np.square(centred[0]).sum() / np.square(centred[0] - centred[1]).sum())
    soft = [np.exp(v) / np.exp(v).sum(1, keepdims=True) for v in centred]
    for old, new, read in ((x, y, "logits"), (*soft, "probabilities"), (*map(np.log, soft), "logarithms")):
        found = Choices(1, read)
        found.add(old, new)
        assert found.sqnr == pytest.approx(right, abs=1e-6) and found.drop().found == pytest.approx(
            1.6 * np.mean(np.take_along_axis(soft[0], x.argmax(1)[:, None], 1) - np.take_along_axis(soft[0], y.argmax(1)[:, None], 1)))


def test_positions_of_a_sample_are_one_row() -> None:
    found = Choices(1, "probabilities")
    found.add(P.T[None], SWAPPED.T[None])  # [1, classes, positions]
    assert found.rows == pytest.approx(np.array([[0.15, 0.5]]), abs=1e-6)
    assert found.drop().estimate == found.drop().bound == 1.0, "one row has no spread"


def test_a_candidate_that_chooses_nothing_gives_up_all() -> None:
    y = P.copy()
    y[0] = np.nan
    found = Choices(1, "probabilities")
    found.add(P, y)
    assert found.rows[0] == pytest.approx([0.7, 1]) and found.sqnr == -math.inf
    left = Choices(1, "probabilities")
    left.add(y, P)
    assert len(left.rows) == 3, "where the original chooses nothing there is nothing to lose"


def test_masked_classes_stay_out_of_the_error() -> None:
    x = np.array([[1.0, -np.inf, 0.0], [2.0, -np.inf, 1.0]])
    found = Choices(1, "logits")
    found.add(x, x)
    assert found.sqnr == math.inf and found.drop().found == 0


def spoken(*strings: str) -> np.ndarray:
    """Scores [n, steps, 4] of strings over "-abc", "-" being the blank."""
    return np.eye(4, dtype=np.float32)[[["-abc".index(c) for c in s] for s in strings]] * np.float32(0.96) + np.float32(0.01)


def test_ctc_outputs_by_their_strings() -> None:
    old, new = spoken("aa-b", "c--c", "---a"), spoken("a-bb", "cc-a", "----")
    assert reading(old) == "probabilities" and blank_of(old) == 0 and blank_of(old[..., ::-1]) == 3
    found = Strings(0, "probabilities")
    found.add(old, new)  # "ab" = "ab"; "cc" -> "ca": one of two; "a" -> "": all
    assert found.rows[:, 0] == pytest.approx([0, 0.5, 1])
    drop = found.drop()
    assert drop.found == pytest.approx(0.5) and drop.estimate == pytest.approx(0.5 + 0.5 / math.sqrt(3)) and drop.bound == upper(2, 3)


def test_no_blank_where_no_end_of_the_classes_is_common() -> None:
    assert blank_of(spoken("abab", "bbaa", "abba")) is None


def test_embeddings_by_the_variance_that_is_lost() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(5, 1, (400, 8))
    y = x + rng.normal(0, 0.1, x.shape)
    found = Variation()
    found.add(x[:100], y[:100])
    found.add(x[100:], y[100:])
    errors = np.square(x - y).sum(1)
    variance = np.square(x - x.mean(0)).sum() / 400
    drop = found.drop()
    assert drop.found == pytest.approx(errors.mean() / variance) and 0.008 < drop.found < 0.012
    assert drop.bound == pytest.approx((errors.mean() + 1.959964 * errors.std(ddof=1) / 20) / variance)
    assert found.sqnr == pytest.approx(10 * math.log10(np.square(x).sum() / errors.sum()))


@pytest.mark.parametrize(("y", "lost"), [(2.0, 0.0), (3.0, math.inf)])
def test_an_output_that_never_varies_has_nothing_or_all_to_lose(y: float, lost: float) -> None:
    found = Variation()
    found.add(np.full((9, 1), 2.0), np.full((9, 1), y))
    assert found.drop().estimate == lost


def test_class_numbers_are_equal_or_lost() -> None:
    found = Equality()
    found.add(np.arange(20), np.r_[np.arange(19), 0])
    assert found.drop().found == pytest.approx(0.05) and found.drop().bound == upper(1, 20) and found.sqnr is None


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 60), noise=st.floats(0, 3), seed=st.integers(0, 99))
def test_never_less_than_the_rows_show(n, noise, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2, (n, 5))
    found = Choices(1, "logits")
    found.add(x, x + rng.normal(0, noise, x.shape))
    drop, (given_up, changed) = found.drop(), found.rows.T
    assert given_up.mean() <= drop.found <= drop.estimate <= drop.bound <= 1
    assert drop.bound >= max(changed.mean(), upper(0, n)) and (changed >= given_up).all()
