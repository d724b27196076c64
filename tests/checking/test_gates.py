"""Gates: sizes as people write them, limits, and gates that can't be evaluated."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lightweight_cli.checking.accuracy import Accuracy, Latency, MetricDrop, OutputFidelity, Pace
from lightweight_cli.checking.amounts import Limit, parse_memory_limit, parse_size, parse_time_limit
from lightweight_cli.checking.gates import Gates, check
from lightweight_cli.errors import UsageError
from lightweight_cli.runtime.load_cost import Load, LoadCost


def accuracy(**changes: object) -> Accuracy:
    outputs = (OutputFidelity("y", "tensor(float)", 0.1, 35.0, 0.999, 0.97),
               OutputFidelity("z", "tensor(float)", 0.0, math.inf, 1.0, None))
    drop = MetricDrop("top1", "y", True, 0.9, 0.88, 0.02, 0.01, 0.03, 100, "matched proportions")
    load = LoadCost(Load(0.4, 0.5, 100_000_000, 90_000_000), Load(0.8, 0.9, 150_000_000, 95_000_000), 3)
    latency = Latency(Pace(1.2, 1.1, 1.3, 1.0, 1.2), Pace(1.1, 1.1, 1.1, 2.0, 2.2), 20, 2, 1)
    values = {"metric": drop, "load": load, "latency": latency, **changes}
    return Accuracy(synthetic=False, batches=4, samples=100, **{"outputs": outputs, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "size"), [
    ("5MB", 5_000_000), ("300KB", 300_000), ("1.5GiB", 1_610_612_736), ("1234", 1234), (" 2 kib ", 2048), ("1b", 1)])
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "5 apples", "-1MB", "0", "1e99TB", "nan", "5MBMB", "\x1b[31m"])
def test_other_sizes_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(text)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value) and "5MB" in str(caught.value)


def test_gates_that_hold() -> None:
    gates = Gates(max_drop=0.02, min_sqnr=35, min_agreement=0.97, max_size=1000, max_slowdown=1.2)
    held = check(gates, accuracy(), 1000)
    assert [(g.name, g.limit, g.value, g.passed, g.why) for g in held] == [
        ("max-drop", 0.02, 0.02, True, None), ("min-sqnr", 35, 35.0, True, None), ("min-agreement", 0.97, 0.97, True, None),
        ("max-size", 1000, 1000, True, None), ("max-slowdown", 1.2, 1.2, True, None)]


def test_a_drop_keeps_its_limit_whatever_float64_makes_of_the_difference() -> None:
    drop = MetricDrop("top1", "y", True, 1.0, 0.99, 1.0 - 0.99, 0.0, 0.02, 100, "matched proportions")
    (held,) = check(Gates(max_drop=0.01), replace(accuracy(), metric=drop), 1000)
    assert drop.drop > 0.01 and held.passed


@pytest.mark.parametrize(("gates", "name"), [
    (Gates(max_drop=0.019), "max-drop"), (Gates(min_sqnr=35.1), "min-sqnr"),
    (Gates(min_agreement=0.98), "min-agreement"),
    (Gates(max_size=999), "max-size"), (Gates(max_slowdown=1.19), "max-slowdown")])
def test_each_gate_fails_on_its_own(gates: Gates, name: str) -> None:
    (failure,) = check(gates, accuracy(), 1000)
    assert failure.name == name and not failure.passed and failure.why is None
    assert str(failure).startswith(f"{name} ") and ": the result has " in str(failure)


@pytest.mark.parametrize(("text", "limit"), [
    ("1.5", Limit(1.5, "x")), ("2x", Limit(2, "x")), ("2s", Limit(2, "s")), ("500 ms", Limit(0.5, "s"))])
def test_limits_on_time_are_read(text: str, limit: Limit) -> None:
    assert parse_time_limit(text, "--max-load-time") == limit


@pytest.mark.parametrize("text", ["", "0", "-1", "2 minutes", "2MB", "nan", "inf"])
def test_other_limits_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-load-time .* is not understood; write a ratio like 1.5, or a time like 2s or 500ms"):
        parse_time_limit(text, "--max-load-time")


@pytest.mark.parametrize(("gates", "limit", "value", "passed"), [
    (Gates(max_load_time=Limit(2, "x")), 2, 2.0, True), (Gates(max_load_time=Limit(1.9, "x")), 1.9, 2.0, False),
    (Gates(max_load_time=Limit(0.8, "s")), 0.8, 0.8, True), (Gates(max_load_time=Limit(0.5, "s")), 0.5, 0.8, False),
    (Gates(max_load_memory=parse_memory_limit("1.5", "m")), 1.5, 1.5, True),
    (Gates(max_load_memory=parse_memory_limit("1.4", "m")), 1.4, 1.5, False),
    (Gates(max_load_memory=parse_memory_limit("150MB", "m")), 150e6, 150e6, True),
    (Gates(max_load_memory=parse_memory_limit("100MiB", "m")), 100 << 20, 150e6, False)])
def test_gates_on_loading(gates: Gates, limit: float, value: float, passed: bool) -> None:
    (held,) = check(gates, accuracy(), 1000)
    assert (held.limit, held.value, held.passed) == (limit, value, passed)


def test_the_load_cost_survives_json() -> None:
    assert Accuracy.from_json(accuracy().to_json()) == accuracy()


def test_the_worst_output_counts() -> None:
    assert accuracy().sqnr == 35 and accuracy().agreement == 0.97


@pytest.mark.parametrize(("gates", "given", "why"), [
    (Gates(max_drop=1), accuracy(metric=None), "no labels"),
    (Gates(max_drop=1), None, "the check was skipped"),
    (Gates(max_load_time=Limit(1, "x")), None, "the check was skipped"),
    (Gates(max_load_time=Limit(1, "x")), accuracy(load=None, load_skipped="too large"), "too large"),
    (Gates(max_load_memory=Limit(1, "x")), accuracy(load=None), "loading was not measured"),
    (Gates(min_sqnr=1), accuracy(outputs=()), "no float output"),
    (Gates(min_agreement=0), accuracy(outputs=(OutputFidelity("y", "tensor(float)", note="other shape"),)),
     "other shape"),
    (Gates(min_sqnr=1), accuracy(outputs=(), unverified="random operators"), "random operators"),
    (Gates(max_slowdown=9), accuracy(latency=None, latency_skipped="too large"), "too large")])
def test_a_gate_without_a_figure_fails_and_says_why(gates: Gates, given: Accuracy | None, why: str) -> None:
    (failure,) = check(gates, given, 1)
    assert not failure.passed and failure.value is None and failure.why is not None and why in failure.why
    assert f"can't be evaluated: {failure.why}" in str(failure)


def test_a_gate_in_words() -> None:
    (size,) = check(Gates(max_size=1000), None, 84_200)
    assert str(size) == "max-size 1,000 bytes: the result has 84,200"
    (sqnr,) = check(Gates(min_sqnr=40), accuracy(), 1)
    assert str(sqnr) == "min-sqnr 40 dB: the result has 35"
    assert sqnr.to_json() == {"name": "min-sqnr", "limit": 40, "value": 35.0, "passed": False, "why": None, "most": False, "unit": "dB"}


def test_no_gates_need_no_check() -> None:
    assert check(Gates(), None, 10**12) == []


def test_accuracy_survives_strict_json() -> None:
    import json

    whole = accuracy()
    assert Accuracy.from_json(json.loads(json.dumps(whole.to_json(), allow_nan=False))) == whole
