"""Metrics against their plain definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.checking.metrics.base import Metric
from lightweight_cli.checking.metrics.choose import choose, make
from lightweight_cli.checking.metrics.edit_distance import EditDistance, distances
from lightweight_cli.checking.metrics.fidelity import TILE, Fidelity
from lightweight_cli.checking.metrics.interval import drop, paired_interval
from lightweight_cli.checking.metrics.spec import METRICS, MetricSpec, parse_metric
from lightweight_cli.errors import InputError, UsageError

FLOATS = st.floats(-1e3, 1e3, width=32)
SEEDS = st.integers(0, 2**32 - 1)


def metric(name: str) -> Metric:
    return make(parse_metric(name))


def value(name: str, output: np.ndarray, labels: np.ndarray) -> float:
    found = metric(name)
    assert found.fits(output, labels)
    # In two batches: what is gathered must not depend on how samples came.
    half = len(labels) // 2
    parts = [found.rows(output[:half], labels[:half]), found.rows(output[half:], labels[half:])]
    return found.value(np.concatenate(parts))


# --- fidelity ---------------------------------------------------------------------------------------------

@given(hnp.arrays(np.float32, (5, 7), elements=FLOATS), hnp.arrays(np.float32, (5, 7), elements=FLOATS))
def test_fidelity_is_its_definition(x: np.ndarray, y: np.ndarray) -> None:
    running = Fidelity("y", "tensor(float)")
    for a, b in zip(np.array_split(x, 2), np.array_split(y, 2), strict=True):
        running.update(a, b)
    got, a, b = running.result(), x.astype(float), y.astype(float)
    assert got.max_error == np.abs(a - b).max()
    assert got.agreement == np.mean(a.argmax(1) == b.argmax(1))
    noise, signal = np.sum((a - b) ** 2), np.sum(a**2)
    if noise == 0:
        assert got.sqnr == math.inf
    elif signal == 0:
        assert got.sqnr == -math.inf
    else:
        assert got.sqnr == pytest.approx(10 * np.log10(signal / noise))
    if signal > 0 and np.sum(b**2) > 0:
        assert got.cosine == pytest.approx((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-9)
    else:
        assert got.cosine is None


def test_fidelity_in_tiles_leaves_out_what_the_reference_has_not() -> None:
    x = np.linspace(-1, 1, 2 * TILE + 3, dtype=np.float32)
    x[[0, 5]] = np.inf, np.nan
    y = x + np.float32(0.5)
    running = Fidelity("y", "tensor(float)")
    running.update(x, y)
    assert running.result().max_error == pytest.approx(0.5, abs=1e-6)
    assert running.result().agreement is None  # one axis: no classes


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, object])
def test_values_without_a_distance_are_compared_for_equality(dtype: type) -> None:
    running = Fidelity("y", "tensor(int64)")
    running.update(np.array([1, 0, 1, 0], dtype), np.array([1, 1, 1, 0], dtype))
    assert running.result().agreement == 0.75 and running.result().sqnr is None


# --- labelled metrics -------------------------------------------------------------------------------------

@given(SEEDS, st.integers(2, 30), st.integers(5, 9))
def test_top_k(seed: int, n: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 4, (n, classes)).astype(np.float32), rng.integers(0, classes, n)
    assert value("top1", scores, labels) == pytest.approx(np.mean(scores.argmax(1) == labels))
    five = [label in np.argsort(-row, kind="stable")[:5] for row, label in zip(scores, labels, strict=True)]
    assert value("top5", scores, labels) == pytest.approx(np.mean(five))


def test_top1_over_positions_and_padding() -> None:
    scores = np.eye(4, dtype=np.float32)[np.array([[0, 1, 2], [3, 3, 3]])]
    labels = np.array([[0, 1, 0], [3, -1, -1]])
    assert value("top1", scores, labels) == 3 / 4
    assert value("top1", np.moveaxis(scores, -1, 1), labels) == 3 / 4  # classes before positions


def test_a_score_that_is_not_a_number_is_wrong() -> None:
    assert value("top1", np.full((2, 3), np.nan, np.float32), np.array([0, 1])) == 0


def test_a_label_beyond_the_classes_is_named() -> None:
    with pytest.raises(InputError, match="class 7.*3 classes"):
        metric("top1").rows(np.zeros((2, 3), np.float32), np.array([0, 7]))


@given(SEEDS, st.integers(2, 40))
def test_macro_f1_against_counts_by_hand(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    said, true = rng.integers(0, 4, n), rng.integers(0, 4, n)
    each = []
    for c in sorted(set(said) | set(true)):
        hit = np.sum((said == c) & (true == c))
        each.append(2 * hit / (np.sum(said == c) + np.sum(true == c)))
    assert value("f1", np.eye(4, dtype=np.float32)[said], true) == pytest.approx(np.mean(each))
    assert value("f1", said, true) == pytest.approx(np.mean(each))


@given(SEEDS, st.integers(2, 40), st.floats(0.1, 0.9))
def test_binary_f1(seed: int, n: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    scores, true = rng.random((n, 3)).astype(np.float32), rng.integers(0, 2, (n, 3))
    true[0, 0] = 1
    said = scores > threshold
    hit, wrong, missed = np.sum(said & (true > 0)), np.sum(said & (true == 0)), np.sum(~said & (true > 0))
    got = value(f"f1:threshold={threshold}", scores, true)
    assert got == pytest.approx(2 * hit / (2 * hit + wrong + missed))


@given(hnp.arrays(np.float32, 12, elements=FLOATS), hnp.arrays(np.float32, 12, elements=FLOATS))
def test_errors_and_correlations(x: np.ndarray, y: np.ndarray) -> None:
    a, b = x.astype(float), y.astype(float)
    assert value("rmse", x[:, None], y) == pytest.approx(np.sqrt(np.mean((a - b) ** 2)))
    assert value("mae", x, y) == pytest.approx(np.mean(np.abs(a - b)))
    if a.std() > 1e-3 and b.std() > 1e-3:
        assert value("pearson", x, y) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-6)
        ranks = [np.array([np.sum(v < u) + (np.sum(v == u) + 1) / 2 for u in v]) for v in (a, b)]
        assert value("spearman", x, y) == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-6)


def edits(a: list[int], b: list[int]) -> int:
    """The textbook recurrence."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]


SEQUENCES = st.lists(st.lists(st.integers(0, 3), max_size=7), min_size=1, max_size=5)


@given(st.data())
def test_edit_distance(data: st.DataObject) -> None:
    a = data.draw(SEQUENCES)
    b = data.draw(st.lists(st.lists(st.integers(0, 3), max_size=7), min_size=len(a), max_size=len(a)))
    assert distances(padded(a), padded(b)).tolist() == [edits(x, y) for x, y in zip(a, b, strict=True)]


@given(SEQUENCES, st.integers(0, 3))
def test_ctc_decoding(steps: list[list[int]], blank: int) -> None:
    said = padded(steps, blank)
    decoded = [[c for i, c in enumerate(row) if c != blank and (i == 0 or row[i - 1] != c)] for row in said.tolist()]
    scores = np.eye(4, dtype=np.float32)[said] if said.size else np.zeros((len(steps), 0, 4), np.float32)
    rows = EditDistance(blank).rows(scores, padded(decoded))
    assert rows[:, 0].tolist() == [0] * len(steps) and rows[:, 1].tolist() == [len(d) for d in decoded]


def padded(rows: list[list[int]], fill: int = -1) -> np.ndarray:
    width = max(map(len, rows))
    return np.array([row + [fill] * (width - len(row)) for row in rows], np.int64).reshape(len(rows), width)


# --- which metric -----------------------------------------------------------------------------------------

F, N = np.float32, np.int64


@pytest.mark.parametrize(("output", "labels", "name"), [
    (np.zeros((8, 10), F), np.arange(8), "top1"),
    (np.zeros((8, 10), F), np.arange(8).astype(float), "top1"),
    (np.zeros(8, N), np.arange(8), "top1"),
    (np.zeros((8, 5, 10), F), np.zeros((8, 5), N), "top1"),
    (np.zeros((8, 20, 10), F), np.zeros((8, 5), N), "ctc"),
    (np.zeros((8, 3), F), np.ones((8, 3), N), "f1"),
    (np.zeros((8, 1), F), np.arange(8), "rmse"),
    (np.zeros((8, 1), F), np.linspace(0, 1, 8), "rmse"),
    (np.array(["a"] * 8, object), np.array(["a"] * 8), "top1")])
def test_default_metric(output: np.ndarray, labels: np.ndarray, name: str) -> None:
    assert choose({"y": output}, labels, None)[0].name == name


def test_scores_before_class_numbers_unless_asked() -> None:
    outputs = {"label": np.zeros(8, N), "scores": np.zeros((8, 10), F)}
    assert choose(outputs, np.arange(8), None)[1] == "scores"
    assert choose(outputs, np.arange(8), parse_metric("top1:output=label"))[1] == "label"


def test_labels_that_fit_nothing_are_described() -> None:
    with pytest.raises(InputError, match=r'int64 \[n, 3\].*"y" is float32 \[n, 10\]'):
        choose({"y": np.zeros((8, 10), F)}, np.full((8, 3), 2), None)
    with pytest.raises(InputError, match="metric ctc does not fit"):
        choose({"y": np.zeros((8, 10), F)}, np.zeros(8, N), parse_metric("ctc"))


@pytest.mark.parametrize("text", ["accuracy", "top1:k=2", "ctc:blank", "ctc:blank=x", "f1:threshold=", ""])
def test_unknown_metrics_and_options_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_metric(text)
    assert "\n" not in str(caught.value)


def test_every_metric_can_be_made() -> None:
    assert {make(parse_metric(name)).name for name in METRICS} == set(METRICS)
    assert parse_metric("ctc:blank=36,output=a=b") == MetricSpec("ctc", {"blank": 36.0}, "a=b")


# --- intervals --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["top1", "mae", "rmse", "f1", "pearson"])
def test_the_interval_holds_the_true_drop_about_95_times_in_100(name: str) -> None:
    rng = np.random.default_rng(7)
    kind = metric(name)

    def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
        if name in ("top1", "f1"):
            labels = rng.integers(0, 3, n)
            said = [np.where(rng.random(n) < p, labels, rng.integers(0, 3, n)) for p in (0.9, 0.8)]
            outputs = [np.eye(3, dtype=np.float32)[s] for s in said]
        else:
            labels = rng.standard_normal(n)
            noise = rng.standard_normal(n)
            outputs = [labels + 0.5 * noise, labels + 0.5 * noise + 0.3 * rng.standard_normal(n)]
        return kind.rows(outputs[0], labels), kind.rows(outputs[1], labels)

    old, new = rows(200_000)
    truth = drop(kind, kind.value(old), kind.value(new))
    assert truth > 0
    trials = 200 if kind.ratio else 40
    inside = 0
    for _ in range(trials):
        old, new = rows(150)
        low, high, _ = paired_interval(kind, old, new, seed=1)
        assert low is not None and high is not None
        inside += low <= truth <= high
    assert 0.86 <= inside / trials <= 1


def test_no_discordance_is_no_certainty() -> None:
    rows = np.stack([np.ones(50), np.ones(50)], 1)
    low, high, method = paired_interval(metric("top1"), rows, rows)
    assert method == "matched proportions" and low is not None and high is not None and low < 0 < high < 0.05


def test_one_sample_has_no_interval() -> None:
    rows = np.ones((1, 2))
    assert paired_interval(metric("mae"), rows, rows) == (None, None, "none")


@settings(max_examples=10)
@given(SEEDS)
def test_intervals_are_reproducible(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.random((30, 1)), rng.random((30, 1))
    assert paired_interval(metric("rmse"), x, y, 3) == paired_interval(metric("rmse"), x, y, 3)
