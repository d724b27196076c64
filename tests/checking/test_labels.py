"""How labels are read: one-hot rows, padding, sequences with time first; and what the original's own metric is worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import parser

from lightweight_cli.checking.accuracy import Accuracy, MetricDrop
from lightweight_cli.checking.gates import Gates, check
from lightweight_cli.checking.metrics.choose import choose, make
from lightweight_cli.checking.metrics.spec import parse_metric
from lightweight_cli.checking.verify import verify
from lightweight_cli.errors import DataError
from lightweight_cli.report.words import warnings

HEAD = '<ir_version: 10, opset_import: ["": 18]> '
RANDOM = np.random.default_rng(0)


def model(path: Path, name: str, text: str) -> str:
    (path / name).write_bytes(parser.parse_model(HEAD + text).SerializeToString())
    return str(path / name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_, np.uint8])
def test_one_hot_rows_are_top1(dtype: type) -> None:
    labels = np.eye(4)[[0, 3, 1]].astype(dtype)
    metric, output, numbers = choose({"y": np.zeros((3, 4), np.float32)}, labels, None)
    assert (metric.name, output, numbers.tolist()) == ("top1", "y", [0, 3, 1])


@pytest.mark.parametrize(("labels", "name"), [
    (np.array([[1, 1, 0], [0, 1, 0]]), "f1"),  # several hold
    (np.array([[1, 0, 0], [0, 0, 0]]), "f1"),  # none holds
    (np.array([[0.9, 0.05, 0.05], [0.2, 0.8, 0]]), "rmse"),  # probabilities
    (np.array([[1.0, 0, 0], [0.5, 0.5, 0]]), "rmse")])
def test_other_rows_are_not_one_hot(labels: np.ndarray, name: str) -> None:
    assert choose({"y": np.zeros((2, 3), np.float32)}, labels, None).metric.name == name


def test_one_hot_beside_the_positions() -> None:
    numbers = RANDOM.integers(0, 3, (2, 4, 4))
    last, second = np.eye(3)[numbers], np.moveaxis(np.eye(3)[numbers], -1, 1)
    for labels in (last, second):
        found = choose({"y": np.zeros((2, 3, 4, 4), np.float32)}, labels, None)
        assert found.metric.name == "top1" and np.array_equal(found.labels, numbers)
    token = np.array([[0, 1, 0, 0], [1, 0, 0, 0]])  # a class of two at each of four tokens, not one-hot over two classes
    assert choose({"y": np.zeros((2, 4, 2), np.float32)}, token, None).labels is token


def test_a_metric_that_is_asked_for_takes_one_hot_too() -> None:
    labels = np.eye(6)[[0, 3, 1]]
    assert choose({"y": np.zeros((3, 6), np.float32)}, labels, parse_metric("top5")).labels.tolist() == [0, 3, 1]
    assert choose({"y": np.zeros((3, 6), np.float32)}, labels, parse_metric("rmse")).labels is labels


def test_one_hot_labels_catch_a_ruined_model(tmp_path: Path) -> None:
    good = model(tmp_path, "good", "agraph (float[N, 4] x) => (float[N, 4] y) { y = Softmax(x) }")
    ruined = model(tmp_path, "ruined", "agraph (float[N, 4] x) => (float[N, 4] y) { a = Neg(x) y = Softmax(a) }")
    x = RANDOM.standard_normal((50, 4)).astype(np.float32)
    found = verify(good, ruined, [{"x": x}], np.eye(4, dtype=np.float32)[x.argmax(1)], latency=False)
    assert found.metric is not None and (found.metric.name, found.metric.drop) == ("top1", 1)
    assert found.outputs[0].agreement == 0 and [g.passed for g in check(Gates(max_drop=0.01), found, 1)] == [False]


@pytest.mark.parametrize(("shape", "perm"), [("[T, N, 5]", "[1, 0, 2]"), ("[7, N, 5]", "[1, 0, 2]"), ("[N, T, 5]", "[0, 1, 2]")])
@pytest.mark.parametrize("samples", [1, 7, 9])
def test_ctc_with_time_first(tmp_path: Path, shape: str, perm: str, samples: int) -> None:
    path = model(tmp_path, "m", f"agraph (float[B, 7, 5] x) => (float{shape} y) {{ y = Transpose<perm = {perm}>(x) }}")
    paths = np.tile([0, 1, 1, 0, 2, 3, 3], (samples, 1))  # blank 0: 1 2 3
    x = np.eye(5, dtype=np.float32)[paths]
    found = verify(path, path, [{"x": x}], np.tile([1, 2, 3], (samples, 1)), latency=False)
    if samples == 7 and shape == "[T, N, 5]":
        return  # as many samples as steps, and the model does not say which is which
    assert found.metric is not None and (found.metric.name, found.metric.reference) == ("ctc", 1)
    assert found.outputs[0].agreement == 1


def test_chance_is_the_best_single_answer() -> None:
    labels = np.array([0, 0, 0, 1, 2, -1])
    assert make(parse_metric("top1")).chance(labels) == 0.6
    assert make(parse_metric("top5")).chance(labels) == 1
    assert make(parse_metric("rmse")).chance(np.array([1.0, 3.0])) == 1 == make(parse_metric("mae")).chance(np.array([1.0, 3.0]))
    assert make(parse_metric("pearson")).chance(np.array([1.0, 3.0])) == 0


def drop(reference: float, chance: float, higher: bool = True) -> Accuracy:
    return Accuracy(False, 1, 9, (), MetricDrop("top1", "y", higher, reference, 0.0, reference, 0.0, 0.1, 9, "normal", chance))


def test_an_original_that_is_no_better_than_chance_is_said_aloud() -> None:
    assert "the original's own top1 is 0.0200, no better than one answer for all samples (0.0400)" in warnings(drop(0.02, 0.04))[0]
    assert warnings(drop(0.9, 0.04)) == [] and warnings(drop(0.1, 0.5, higher=False)) == []
    assert "no better" in warnings(drop(0.6, 0.5, higher=False))[0] and "no better" in warnings(drop(float("nan"), 0.5))[0]


def test_a_metric_of_nothing_holds_no_gate() -> None:
    (gate,) = check(Gates(max_drop=0.5), drop(0, 0.04), 1)
    assert not gate.passed and gate.why == "the original's own top1 is 0"


def test_outputs_that_are_not_finite_anywhere_hold_no_gate(tmp_path: Path) -> None:
    path = model(tmp_path, "m", "agraph (float[N, 4] x) => (float[N, 4] y) <float z = {-1.0}> { a = Abs(x) b = Mul(a, z) y = Sqrt(b) }")
    x = 1 + RANDOM.random((8, 4)).astype(np.float32)
    found = verify(path, path, [{"x": x}], np.zeros(8, int), latency=False)
    assert found.outputs[0].finite == 0 and found.agreement is None
    for gates in (Gates(max_drop=1), Gates(min_sqnr=0), Gates(min_agreement=0)):
        (gate,) = check(gates, found, 1)
        assert not gate.passed and gate.why == 'no value of output "y" is finite in the original'
    assert 'no value of output "y" is finite in the original' in warnings(found)


def test_labels_that_fit_no_output_are_an_error_of_the_data(tmp_path: Path) -> None:
    path = model(tmp_path, "m", "agraph (float[N, 4] x) => (float[N, 4] y) { y = Identity(x) }")
    with pytest.raises(DataError, match=r"no metric fits labels that are int64 \[n, 6\], where output \"y\" is float32 \[n, 4\]"):
        verify(path, path, [{"x": np.zeros((3, 4), np.float32)}], np.zeros((3, 6), np.int64), latency=False)
