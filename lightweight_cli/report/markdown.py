"""The report as Markdown tables, for a CI summary or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lightweight_cli.checking import shown
from lightweight_cli.errors import printable
from lightweight_cli.report import front, grades, groups, hints, layers, verdict, words
from lightweight_cli.report.sizes import human

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy, OutputFidelity
    from lightweight_cli.pipeline.step_report import StepReport
    from lightweight_cli.report.model import Report

MARKS = {"good": "✅", "bad": "❌", "warn": "⚠️", "": ""}
"""What stands for a colour."""
_PIPE = r"\|"


def render(report: Report) -> str:
    """Return the whole report: every weight, not only the largest groups."""
    blocks = [f"## lwc {prose(report.command)}: {code(words.safe(report.output))}", *_verdict(report), _sizes(report),
              *_check(report)]
    for number, step in enumerate(report.steps, 1):
        blocks += _step(number, step)
    blocks += [f"- {prose(note)}" for note in report.notes]
    blocks.append(f"lwc {prose(report.version)}, {words.duration(report.seconds)}")
    return "\n\n".join(blocks) + "\n"


def prose(text: str) -> str:
    """Return text that Markdown and HTML take literally."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!~@])", r"\\\1", words.safe(text).replace("&", "&amp;"))


def code(name: str) -> str:
    """Return a name as a code span."""
    text = words.safe(name)
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if "`" in text or (text[:1] == " " == text[-1:] and text.strip()) else ""
    return f"{ticks}{pad}{text or ' '}{pad}{ticks}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a table; the columns numbered in `right` hold numbers."""
    rule = ["---:" if i in right else "---" for i in range(len(head))]
    return "\n".join(f"| {' | '.join(c.replace('|', _PIPE) for c in row)} |" for row in (head, rule, *rows))


def folded(title: str, inner: str) -> str:
    """Return `inner` behind a title that opens it."""
    return f"<details><summary>{title}</summary>\n\n{inner}\n\n</details>"


def _verdict(report: Report) -> list[str]:
    said = []
    if report.passthrough is not None:
        said.append(f"**{words.passthrough(report).capitalize()}:** {prose(report.passthrough)}")
    found = verdict.headline(report)
    if found is not None:
        said.append(f"{MARKS[found[0]]} **{found[1]}**{prose(found[2])}")
        said.append(table(verdict.COLUMNS[:3] + ("outcome",), (
            [*map(prose, cells[:-1]), f"{MARKS[style]} {prose(cells[-1])}"] for cells, style in verdict.rows(report)), right=(2,)))
    hint = hints.hint(report)
    if hint:
        said.append(f"**Try:** {prose(hint)}")
    return said


def _sizes(report: Report) -> str:
    rows = [[code(words.safe(name)), f"{size:,}", human(size), change] for name, size, change in (
        (report.source, report.bytes_before, ""),
        (report.output, report.bytes_after, words.size_change(report.bytes_before, report.bytes_after)))]
    return table(["model", "bytes", "size", "change"], rows, right=(1, 2))


def _step(number: int, step: StepReport) -> list[str]:
    options = words.options(step)
    blocks = [f"### Step {number}: {code(step.text)}", f"{prose(words.changed(step))}" + (f"; {code(options)}" if options else "")]
    found = groups.by_encoding(step.weights)
    if found:
        blocks.append(table(["stored as", "weights", "before", "after"], (
            [prose(g.label), f"{g.count:,}", human(g.before), human(g.after)] for g in found), right=(1, 2, 3)))
        each = table(["weight", "op", "shape", "stored as", "before", "after", "SQNR", "layer's error", "chosen by"], (
            [code(w.name), prose(w.op), words.shape(w.shape), prose(w.stored_as or w.encoding), f"{w.before:,}", f"{w.after:,}",
             shown.decibels(w.sqnr), layers.error(w), prose(w.method)] for w in layers.worst_first(step.weights)), right=(4, 5, 6, 7))
        blocks.append(folded(f"The {words.plural(len(step.weights), 'changed weight')}", each))
    if step.left:
        each = table(["weight", "op", "shape", "bytes", "reason"], (
            [code(w.name), prose(w.op), words.shape(w.shape), f"{w.bytes:,}", prose(w.reason)]
            for w in step.left), right=(3,))
        blocks.append(table(["left alone because", "weights", "bytes"], (
            [prose(g.label), f"{g.count:,}", human(g.before)] for g in groups.by_reason(step.left)), right=(1, 2)))
        blocks.append(folded(f"The {words.plural(len(step.left), 'tensor')} left alone", each))
    if step.front:
        blocks.append(table(front.HEAD, ([*map(prose, row)] for row in front.rows(step.front)), right=(1, 2)))
    return blocks + [f"- {prose(note)}" for note in (*layers.about(step), *step.notes)]


def _check(report: Report) -> list[str]:
    accuracy = report.accuracy
    if accuracy is None:
        return ["### Not checked" + (f": {prose(report.check_skipped)}" if report.check_skipped else "")]
    reference = words.against(report)
    blocks = ["### Accuracy", words.basis(accuracy) + (f", against {code(reference)}" if reference else "")]
    blocks += [f"**{prose(text)}**" for text in words.warnings(accuracy)]
    if accuracy.metric is not None:
        m = accuracy.metric
        blocks.append(table(["metric", "output", "reference → candidate", "change", "interval by"], [
            [prose(m.name), code(printable(m.output)), prose(words.metric_values(m)).replace("-\\>", "→"),
             f"{MARKS[words.metric_style(m)]} {prose(words.metric_change(m))}".strip(), prose(m.method)]]))
    return [*blocks, _outputs(accuracy), *_latency(accuracy), *_load(accuracy)]


def _outputs(accuracy: Accuracy) -> str:
    noted = any(o.note for o in accuracy.outputs)
    rows = [[code(printable(o.name)), *_figures(o), *[prose(o.note or "")] * noted]
            for o in words.worst_first(accuracy)]
    head = ["output", *map(prose, words.FIGURES), *["not compared because"] * noted]
    return table(head, rows, right=(1, 2, 3, 4))


def _figures(output: OutputFidelity) -> list[str]:
    return [f"{MARKS[style]} {prose(text)}".strip() if text else ""
            for text, style in zip(shown.figures(output), grades.figures(output), strict=True)]


def _latency(accuracy: Accuracy) -> list[str]:
    if accuracy.latency is None:
        return [f"Latency was not measured: {prose(accuracy.latency_skipped)}"] if accuracy.latency_skipped else []
    said = prose(f"{words.latency(accuracy.latency)} ({words.latency_times(accuracy.latency)})")
    return [f"Latency: {said}".replace("-\\>", "→")]


def _load(accuracy: Accuracy) -> list[str]:
    if accuracy.load is None:
        return [f"Loading was not measured: {prose(accuracy.load_skipped)}"] if accuracy.load_skipped else []
    said = prose(f"{words.load(accuracy.load)} ({words.load_figures(accuracy.load)})")
    return [f"Loading: {said}".replace("-\\>", "→")]
