"""The report as one page for a browser: no script, nothing loaded from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from lightweight_cli.checking import shown
from lightweight_cli.errors import printable
from lightweight_cli.report import bars, front, grades, groups, hints, layers, verdict, words
from lightweight_cli.report.sizes import human
from lightweight_cli.report.style import CSS

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy, MetricDrop, OutputFidelity
    from lightweight_cli.pipeline.step_report import StepReport
    from lightweight_cli.report.model import Report

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(report: Report) -> str:
    """Return the whole page: every weight, not only the largest groups."""
    title = f"lwc {prose(report.command)}: {prose(words.safe(report.output))}"
    body = [*_top(report), *_check(report), *_contents(report)]
    for number, step in enumerate(report.steps, 1):
        body += _step(number, step)
    body += [*_list(report.notes), f"<footer>lwc {prose(report.version)}, {words.duration(report.seconds)}</footer>"]
    return page(title, body)


def page(title: str, body: Sequence[str]) -> str:
    """Return a whole document; both are HTML."""
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{CSS}</style></head><body>\n'
            + "\n".join(body) + "\n</body></html>\n")


def prose(text: str) -> str:
    """Return text that HTML takes literally, in an attribute too."""
    return escape(words.safe(text))


def code(name: str) -> str:
    """Return a name in the type of names."""
    return f"<code>{prose(name)}</code>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return a table; the columns numbered in `right` hold numbers. Cells are HTML."""

    def row(cells: Sequence[str], tag: str) -> str:
        kinds = (' class="n"' if i in right else "" for i in range(len(cells)))
        return "<tr>" + "".join(f"<{tag}{k}>{c}</{tag}>" for k, c in zip(kinds, cells, strict=True)) + "</tr>"

    body = "\n".join(row(cells, "td") for cells in rows)
    return f'<div class="scroll"><table><thead>{row(head, "th")}</thead><tbody>\n{body}</tbody></table></div>'


def folded(title: str, inner: str) -> str:
    """Return `inner` behind a title that opens it."""
    return f"<details><summary>{title}</summary>{inner}</details>"


def _top(report: Report) -> list[str]:
    kind = "soft" if report.gates_failed else "good" if report.bytes_after < report.bytes_before else "warn"
    change = words.size_change(report.bytes_before, report.bytes_after).replace(" %", "&nbsp;%")
    source, output = code(words.safe(report.source)), code(words.safe(report.output))
    said = [f"<h1>lwc {prose(report.command)}: {source} → {output}</h1>", *_verdict(report), *_hint(report),
            f'<p class="big {kind}">{change}</p>']
    if report.passthrough is not None:
        said.append(f'<p><span class="warn">{words.passthrough(report).capitalize()}:</span> '
                    f'{prose(report.passthrough)}</p>')
    sizes = [(f"before: {human(report.bytes_before)}", report.bytes_before),
             (f"after: {human(report.bytes_after)}", report.bytes_after)]
    rows = [[f'<span class="key before"></span>{source}', human(report.bytes_before), f"{report.bytes_before:,}"],
            [f'<span class="key c1"></span>{output}', human(report.bytes_after), f"{report.bytes_after:,}"]]
    return [*said, bars.compared(sizes), table(["model", "size", "bytes"], rows, right=(1, 2))]


def _hint(report: Report) -> list[str]:
    hint = hints.hint(report)
    return [f"<p><strong>Try:</strong> {prose(hint)}</p>"] if hint else []


def _verdict(report: Report) -> list[str]:
    found = verdict.headline(report)
    if found is None:
        return []
    style, word, rest = found
    rows = ([*map(prose, cells[:-1]), f'<span class="{last}">{prose(cells[-1])}</span>'] for cells, last in verdict.rows(report))
    return [f'<p class="verdict {style}">{word}<span>{prose(rest)}</span></p>', table(verdict.COLUMNS, rows, right=(2,))]


def _contents(report: Report) -> list[str]:
    if report.passthrough is not None or not any(s.weights for s in report.steps):
        return []
    parts = groups.contents(report.steps, report.bytes_after)
    rows = [[f'<span class="key {bars.hue(i)}"></span>{prose(label)}', human(size),
             f"{100 * size / report.bytes_after:.1f} %"] for i, (label, size) in enumerate(parts)]
    bar = bars.stacked([(f"{label}: {human(size)}", size) for label, size in parts])
    return ["<h2>What the output holds</h2>", bar,
            table(["stored as", "size", "share"], rows, right=(1, 2))]


def _step(number: int, step: StepReport) -> list[str]:
    options = words.options(step)
    said = [f"<h2>Step {number}: {code(step.text)}</h2>",
            f"<p>{prose(words.changed(step))}" + (f' <span class="soft">{prose(options)}</span>' if options else "") + "</p>"]
    if step.weights:
        said.append(table(["stored as", "weights", "before", "after"], (
            [prose(g.label), f"{g.count:,}", human(g.before), human(g.after)]
            for g in groups.by_encoding(step.weights)), right=(1, 2, 3)))
        each = table(["weight", "op", "shape", "stored as", "before", "after", "SQNR", "layer's error", "", "chosen by"], (
            [code(w.name), prose(w.op), words.shape(w.shape), prose(w.stored_as or w.encoding), f"{w.before:,}", f"{w.after:,}",
             shown.decibels(w.sqnr), layers.error(w), bars.share(layers.length(w), layers.error(w) or shown.decibels(w.sqnr)),
             prose(w.method)] for w in layers.worst_first(step.weights)), right=(4, 5, 6, 7))
        said.append(folded(f"The {words.plural(len(step.weights), 'changed weight')}", each))
    if step.left:
        said.append(table(["left alone because", "weights", "bytes"], (
            [prose(g.label), f"{g.count:,}", human(g.before)] for g in groups.by_reason(step.left)), right=(1, 2)))
        each = table(["weight", "op", "shape", "bytes", "reason"], (
            [code(w.name), prose(w.op), words.shape(w.shape), f"{w.bytes:,}", prose(w.reason)]
            for w in step.left), right=(3,))
        said.append(folded(f"The {words.plural(len(step.left), 'tensor')} left alone", each))
    if step.front:
        said += ["<h3>Candidates</h3>", front.picture(step.front),
                 table(front.HEAD, ([*map(prose, row)] for row in front.rows(step.front)), right=(1, 2))]
    return [*said, *_list([*layers.about(step), *step.notes])]


def _check(report: Report) -> list[str]:
    accuracy = report.accuracy
    if accuracy is None:
        why = f": {prose(report.check_skipped)}" if report.check_skipped else ""
        return [f'<h2>Accuracy</h2><p><span class="warn">Not checked</span>{why}</p>']
    reference = words.against(report)
    end = f", against {code(reference)}" if reference else ""
    said = [f"<h2>Accuracy</h2><p>{words.basis(accuracy)}{end}</p>"]
    said += [f'<p class="warn">{prose(text)}</p>' for text in words.warnings(accuracy)]
    if accuracy.metric is not None:
        said += _metric(accuracy.metric)
    noted = any(o.note for o in accuracy.outputs)
    rows = [[code(printable(o.name)), *_figures(o), *[prose(o.note or "")] * noted]
            for o in words.worst_first(accuracy)]
    head = ["output", *words.FIGURES, *["not compared because"] * noted]
    return [*said, table(head, rows, right=(1, 2, 3, 4)), *_latency(accuracy), *_load(accuracy)]


def _metric(metric: MetricDrop) -> list[str]:
    said = [f"<h3>{prose(metric.name)} of {code(printable(metric.output))}: {_arrow(words.metric_values(metric))}</h3>",
            f'<p><span class="{words.metric_style(metric)}">{prose(words.metric_change(metric))}</span> ({prose(metric.method)})</p>']
    change, low, high = words.change_of(metric)
    if low is not None and high is not None and math.isfinite(low + change + high):
        said.append(bars.interval(low, change, high, words.metric_change(metric)))
        side = "left" if metric.higher_is_better else "right"
        said.append(f'<p class="soft">The dashed line is no change; {side} of it, the output is worse.</p>')
    return said


def _figures(output: OutputFidelity) -> list[str]:
    return [f'<span class="{style}">{prose(text)}</span>' if style else prose(text)
            for text, style in zip(shown.figures(output), grades.figures(output), strict=True)]


def _latency(accuracy: Accuracy) -> list[str]:
    if accuracy.latency is None:
        why = accuracy.latency_skipped
        return [f"<h3>Latency</h3><p>Not measured: {prose(why)}</p>"] if why else []
    return [f"<h3>Latency: {words.latency(accuracy.latency)}</h3>",
            f"<p>{_arrow(words.latency_times(accuracy.latency))}</p>"]


def _load(accuracy: Accuracy) -> list[str]:
    if accuracy.load is None:
        why = accuracy.load_skipped
        return [f"<h3>Loading</h3><p>Not measured: {prose(why)}</p>"] if why else []
    return [f"<h3>Loading: {prose(words.load(accuracy.load))}</h3>", f"<p>{_arrow(words.load_figures(accuracy.load))}</p>"]


def _list(texts: Sequence[str]) -> list[str]:
    return [f"<ul>{''.join(f'<li>{prose(text)}</li>' for text in texts)}</ul>"] if texts else []


def _arrow(text: str) -> str:
    return prose(text).replace("-&gt;", "→")
