"""The verdict: every gate has a row, poor figures a colour, and one hint says what to try."""

from __future__ import annotations

import io
import math
import re
from typing import Any

import pytest
from screens import Terminal

from lightweight_cli.checking.accuracy import Accuracy, MetricDrop, OutputFidelity
from lightweight_cli.checking.gates import GateResult, Gates, check
from lightweight_cli.pipeline.step_report import Changed, StepReport
from lightweight_cli.report import grades, hints, html, markdown, terminal, verdict, words
from lightweight_cli.report.model import Report


def report(gates: Gates, sqnr: float = 30.0, agreement: float = 0.99, *, synthetic: bool = False, low: float = -0.01,
           step: StepReport | None = None, command: str = "quantize") -> Report:
    drop = MetricDrop("top1", "y", True, 0.91, 0.88, 0.03, low, 0.05, 500, "normal")
    accuracy = Accuracy(synthetic, 4, 500, (OutputFidelity("y", "tensor(float)", 0.1, sqnr, 0.99, agreement),), drop)
    return Report(command, "1", "a.onnx", "b.onnx", 1_000_000, 200_000, [step] if step else [], accuracy,
                  gates=check(gates, accuracy, 200_000))


def step(name: str = "quantize", sqnrs: tuple[float, ...] = (), **options: Any) -> StepReport:
    made = StepReport(name, 1, "weights", options=options)
    made.weights = [Changed(f"w{i}", "Conv", (9,), "table", 36, 9, sqnr=s) for i, s in enumerate(sqnrs or (20.0,))]
    return made


def shown(what: Report, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    terminal.show(what, stream)
    return stream.getvalue()


def test_a_rejected_result_says_so_first_with_every_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    gates = Gates(max_drop=0.01, min_agreement=0.95, max_size=300_000, max_slowdown=1.1)
    lines = shown(report(gates)).splitlines()
    assert lines[0] == "REJECTED: 2 of 4 gates failed; no model was written"
    assert [re.split(r" {2,}", line.strip()) for line in lines[1:5]] == [
        ["max-drop", "at most 0.0100", "0.0300", "failed"],
        ["max-slowdown", "at most 1.10x", "can't be evaluated: latency was not measured"],
        ["min-agreement", "at least 0.9500", "0.9900", "passed"],
        ["max-size", "at most 300.0 KB", "200.0 KB", "passed"]]
    assert lines[5:7] == ["", "a.onnx 1.0 MB -> 200.0 KB   5.00x smaller (80 % less)"]


def test_gates_that_hold_are_told_too() -> None:
    lines = shown(report(Gates(min_sqnr=20, max_size=10**6))).splitlines()
    assert lines[0] == "PASSED: all 2 gates hold" and [re.split(r" {2,}", line.strip()) for line in lines[1:3]] == [
        ["min-sqnr", "at least 20.0 dB", "30.0 dB", "passed"], ["max-size", "at most 1.0 MB", "200.0 KB", "passed"]]
    assert shown(report(Gates(min_sqnr=20))).startswith("PASSED: the gate holds\n")
    assert shown(report(Gates())).startswith("a.onnx 1.0 MB -> b.onnx 200.0 KB")


def test_verify_writes_nothing_and_does_not_say_so() -> None:
    assert shown(report(Gates(min_sqnr=40), command="verify")).startswith("REJECTED: the gate failed\n")


@pytest.mark.parametrize(("gate", "limit", "value"), [
    (GateResult("max-size", 92_120, 92_140, False, unit="bytes"), "at most 92,120 bytes", "92,140 bytes"),
    (GateResult("min-agreement", 0.99, 0.98999, False, most=False), "at least 0.99", "0.98999"),
    (GateResult("max-drop", 0.01, -0.002, True), "at most 0.0100", "-0.0020"),
    (GateResult("min-sqnr", 30.0, math.inf, True, most=False, unit="dB"), "at least 30.0 dB", "inf dB"),
    (GateResult("max-load-time", 2.5, 3.0, False, unit="s"), "at most 2.5000 s", "3.0000 s")])
def test_limit_and_value_of_a_failed_gate_differ(gate: GateResult, limit: str, value: str) -> None:
    assert verdict.figures(gate) == [limit, value]


def test_colours_of_verdict_and_figures() -> None:
    coloured = shown(report(Gates(min_sqnr=25, max_size=10**6), sqnr=8.0, agreement=0.95), Terminal())
    assert "\x1b[1;31mREJECTED\x1b[0m" in coloured and "\x1b[1;31mfailed" in coloured and "\x1b[1;32mpassed" in coloured
    assert "\x1b[1;31m8.0 dB" in coloured and "\x1b[33m95 %" in coloured
    plain = shown(report(Gates(), sqnr=24.0, agreement=0.985), Terminal())
    assert "24.0 dB\x1b" not in plain and "m24.0 dB" not in plain and "m98.50 %" not in plain


@pytest.mark.parametrize(("value", "style"), [
    (None, ""), (math.inf, ""), (20.0, ""), (19.99, "warn"), (10.0, "warn"), (9.99, "bad"), (-math.inf, "bad"), (math.nan, "bad")])
def test_grades(value: float | None, style: str) -> None:
    assert grades.sqnr(value) == style
    assert grades.agreement(None if value is None else 0.98) == ""


def test_a_gain_has_a_plus_and_a_loss_a_minus() -> None:
    gain = MetricDrop("top1", "y", True, 0.925, 0.926, -0.001, -0.0088, 0.0068, 1000, "normal")
    assert words.metric_change(gain) == "+0.0010, 95 % interval -0.0068 to +0.0088"
    error = MetricDrop("rmse", "y", False, 1.0, 1.25, 0.25, 0.2, 0.3, 10, "normal")
    assert words.metric_change(error) == "+0.2500 (worse), 95 % interval +0.2000 to +0.3000"
    assert words.metric_style(error) == "bad" and words.metric_style(gain) == ""
    none = MetricDrop("top1", "y", True, 1.0, 1.0, 0.0, None, None, 1, "normal")
    assert words.metric_change(none) == "0.0000 (1 sample: no interval)"


@pytest.mark.parametrize(("made", "gates", "said"), [
    (step(bits=4, granularity="block"), Gates(min_sqnr=40), "--bits 8"),
    (step(bits=4, granularity="channel"), Gates(min_sqnr=40), "--granularity block"),
    (step(bits=8, granularity="block"), Gates(min_sqnr=40), None),
    (step(bits=8, granularity="block", exclude=(), sqnrs=(30.0, 31.0, 12.0, 29.0)), Gates(max_drop=0.01),
     "--exclude w2, the weight that suffered most (12.0 dB)"),
    (step(bits=4, granularity="block", exclude=(), sqnrs=(20.0, 21.0, 19.0)), Gates(max_drop=0.01), "--bits 8"),
    (step("share", bits=4, vector=1), Gates(min_agreement=1), "--bits 5"),
    (step("share", bits=4, vector=4, stages=1), Gates(min_agreement=1), "--stages 2"),
    (step("prune", sparsity=0.5), Gates(min_sqnr=40), "--sparsity 0.4"),
    (step("prune-channels", macs=0.5), Gates(min_sqnr=40), "--macs 0.4"),
    (step("prune", threshold=0.01), Gates(min_sqnr=40), "--threshold 0.005"),
    (step("half", type="float16"), Gates(min_sqnr=40), "--type bfloat16"),
    (step(bits=8, granularity="block"), Gates(max_size=1), "--bits 4"),
    (step("strip"), Gates(max_size=1), "a lossy pass: lwc quantize, share or prune"),
    (step("strip"), Gates(min_sqnr=40), None),
    (step(bits=4, granularity="block"), Gates(max_slowdown=1), None),
    (step(bits=4, granularity="block"), Gates(min_sqnr=1), None)])
def test_the_hint(made: StepReport, gates: Gates, said: str | None) -> None:
    assert hints.hint(report(gates, step=made)) == said


def test_hints_of_poor_results_and_of_recipes() -> None:
    made = step(bits=4, granularity="block")
    assert hints.hint(report(Gates(), sqnr=12.0, step=made)) == "--bits 8"
    assert hints.hint(report(Gates(), low=0.01, step=made)) == "--bits 8"
    assert hints.hint(report(Gates(), sqnr=12.0, step=made, command="run")) == "quantize:bits=8"
    assert hints.hint(report(Gates(), sqnr=12.0, step=made, synthetic=True)) == "judge by inputs as the model will see them: --data FILE"
    harmful = report(Gates(), sqnr=12.0, step=step("prune", (9.0, 11.0), sparsity=0.5), command="run")
    harmful.steps.append(step(bits=4, granularity="block", sqnrs=(20.0, 22.0)))
    assert hints.hint(harmful) == "prune:sparsity=0.4", "of two steps, the one that did more harm"
    assert "\n  try: --bits 8\n" in shown(report(Gates(), sqnr=12.0, step=made))
    assert hints.hint(report(Gates(), step=made)) is None


def test_the_verdict_in_the_other_forms() -> None:
    what = report(Gates(min_sqnr=40, max_size=10**6), sqnr=8.0, step=step(bits=4, granularity="block", keep=0.005))
    text = markdown.render(what)
    assert "❌ **REJECTED**: 1 of 2 gates failed; no model was written" in text
    assert "| min-sqnr | at least 40.0 dB | 8.0 dB | ❌ failed |" in text and "| ✅ passed |" in text and "**Try:** --bits 8" in text
    assert "❌ 8.0 dB" in text and "bits=4 granularity=block keep=0.005" in text
    page = html.render(what)
    assert '<p class="verdict bad">REJECTED<span>: 1 of 2 gates failed; no model was written</span></p>' in page
    assert '<span class="bad">failed</span>' in page and '<span class="bad">8.0 dB</span>' in page


def test_options_that_steer_are_shown_though_nobody_gave_them() -> None:
    made = StepReport("quantize:bits=4", 1, "weights quantized", options={
        "bits": 4, "granularity": "block", "block_size": 32, "asymmetric": False, "keep": 0.005, "exclude": (), "x": None})
    assert shown(report(Gates(), step=made)).splitlines()[2] == (
        "quantize:bits=4 granularity=block block_size=32 keep=0.005   1 weight quantized")
