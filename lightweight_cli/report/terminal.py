"""The report for a person at a terminal, or reading a log: about a screen."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from lightweight_cli.checking import shown
from lightweight_cli.errors import printable
from lightweight_cli.report import compared, front, grades, groups, hints, layers, verdict, words
from lightweight_cli.report.layout import Line, Span, line, shorten, table, wrap
from lightweight_cli.report.sizes import human

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.pipeline.step_report import StepReport
    from lightweight_cli.report.groups import Group
    from lightweight_cli.report.model import Report

STYLES = {"": "", "head": "bold", "good": "bold green", "bad": "bold red", "warn": "yellow", "dim": "dim"}
WIDTH = 80
"""Cells, where nothing says how wide the reader's screen is."""
NARROWEST = 30
MOST_GROUPS = 4
MOST_NAMES = 3
MOST_OUTPUTS = 4
MOST_NOTES = 4
LABEL, REASON = 50, 60
"""Cells of an encoding and of a reason; what is longer is in the other forms of the report."""
NAME = 24


def show(report: Report | Sequence[Report], stream: TextIO | None) -> None:
    """Print the report, or a table of several, to `stream`: coloured on a terminal, unless NO_COLOR says otherwise."""
    if stream is None:  # standard error is closed
        return
    width = width_of(stream)
    wrapped = (part for whole in (several(report) if isinstance(report, Sequence) else lines(report)) for part in wrap(whole, width))
    if colourful(stream):
        _print_rich(wrapped, stream, width)
    else:
        stream.write("".join("".join(s.text for s in part) + "\n" for part in wrapped))
    stream.flush()


def lines(report: Report) -> list[Line]:
    """Return the report before it is wrapped: the verdict, what it cost in bytes, each step, and the check."""
    said = [*_verdict(report), _headline(report)]
    if report.passthrough is not None:
        said.append(line(Span(f"{words.passthrough(report)}: ", "warn"), report.passthrough, hang=2))
    said += [line()] * bool(report.steps)
    said += [whole for step, previous in zip(report.steps, [None, *report.steps], strict=False)
             for whole in _step(step, previous)]
    said += [line(), *_check(report)]
    return [*said, *_notes(report.notes), line(Span(f"done in {words.duration(report.seconds)}", "dim"))]


def several(reports: Sequence[Report]) -> list[Line]:
    """Return the table of candidates that were compared with one model."""
    head, rows = compared.table_of(reports)
    cells = [[*map(Span, row[:-1]), Span(row[-1], style)] for row, style in rows]
    said = [line(f"{words.safe(reports[0].source)} ", Span(human(reports[0].bytes_before), "head"), " against", hang=2)]
    said += table([[Span(h, "dim") for h in head], *cells], right=tuple(range(1, len(head) - 1)))
    notes = dict.fromkeys(text for r in reports if r.accuracy for text in words.warnings(r.accuracy))
    return [*said, *(line("  ", Span(text, "warn"), hang=2) for text in notes)]


def width_of(stream: TextIO) -> int:
    """Return the cells of a line: COLUMNS, the terminal's own, or WIDTH."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return max(NARROWEST, int(asked))
    if stream.isatty():
        try:
            return max(NARROWEST, os.get_terminal_size(stream.fileno()).columns or WIDTH)
        except (OSError, ValueError):  # a terminal without a size, or a stream without a descriptor
            return WIDTH
    return WIDTH


def colourful(stream: TextIO) -> bool:
    """Whether colours may be used."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _print_rich(wrapped: Iterable[Sequence[Span]], stream: TextIO, width: int) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, width=width, highlight=False)
    whole = Text("\n").join(Text.assemble(*((s.text, STYLES[s.style]) for s in part)) for part in wrapped)
    console.print(whole, soft_wrap=True)


def _verdict(report: Report) -> list[Line]:
    found = verdict.headline(report)
    if found is None:
        return []
    style, word, rest = found
    rows = [[*map(Span, cells[:-1]), Span(cells[-1], last)] for cells, last in verdict.rows(report)]
    said = [line(Span(word, style), rest, hang=2), *table(rows, right=(2,))]
    return [*said, *(_hint(report) if style == "bad" else []), line()]


def _hint(report: Report) -> list[Line]:
    found = hints.hint(report)
    return [line(Span("  try: ", "head"), found, hang=4)] if found else []


def _headline(report: Report) -> Line:
    after = Span(human(report.bytes_after), "head")
    if report.gates_failed and report.command != "verify":
        made = [after]
    else:
        made = [Span(words.safe(report.output) + " "), after]
    change = words.size_change(report.bytes_before, report.bytes_after)
    style = "good" if report.bytes_after < report.bytes_before else "warn"
    return line(words.safe(report.source) + " ", Span(human(report.bytes_before), "head"), " -> ", *made,
                "   ", Span(change, style), hang=2)


def _step(step: StepReport, previous: StepReport | None) -> list[Line]:
    options = words.options(step)
    said = [line(Span(step.text, "head"), Span(f" {options}" if options else "", "dim"), f"   {words.changed(step)}", hang=4)]
    said += _changed(groups.by_encoding(step.weights))
    said += [line(f"  {text}", hang=4) for text in layers.about(step)]
    if previous is not None and step.left and step.left == previous.left:
        said.append(line(Span(f"  left alone: the same {words.plural(len(step.left), 'tensor')}", "dim"), hang=4))
    elif step.left:
        said += _left(groups.by_reason(step.left))
    if step.front:
        said += table([[Span(h, "dim") for h in front.HEAD], *([Span(r[0], "good"), *map(Span, r[1:])] for r in front.rows(step.front))],
                      right=(1, 2))
    return said + _notes(step.notes)


def _changed(found: list[Group]) -> list[Line]:
    rows = [[Span(f"{g.count:,}"), Span(shorten(g.label, LABEL)), Span(human(g.before)), Span("->"),
             Span(human(g.after))] for g in found[:MOST_GROUPS]]
    more = found[MOST_GROUPS:]
    if more:
        rows.append([Span(f"{sum(g.count for g in more):,}"), Span(f"in {words.plural(len(more), 'more encoding')}"),
                     Span(human(sum(g.before for g in more))), Span("->"), Span(human(sum(g.after for g in more)))])
    return table(rows, right=(0, 2, 4))


def _left(found: list[Group]) -> list[Line]:
    count, size = sum(g.count for g in found), human(sum(g.before for g in found))
    said = [line(f"  left alone: {words.plural(count, 'tensor')}, {size}", hang=4)]
    rows = [[Span(f"{g.count:,}"), Span(shorten(g.label, REASON)), Span(human(g.before)), Span(_names(g), "dim")]
            for g in found[:MOST_GROUPS]]
    more = found[MOST_GROUPS:]
    if more:
        reasons = words.plural(len(more), "more reason")
        rows.append([Span(f"{sum(g.count for g in more):,}"), Span(f"for {reasons}"),
                     Span(human(sum(g.before for g in more))), Span("")])
    return said + table(rows, right=(0, 2), indent=4)


def _names(group: Group) -> str:
    shown = [shorten(n, NAME) for n in group.names[:MOST_NAMES]]
    return ", ".join(shown + ["..."] * (group.count > MOST_NAMES))


def _check(report: Report) -> list[Line]:
    accuracy = report.accuracy
    if accuracy is None:
        why = report.check_skipped
        return [line(Span("not checked", "warn"), f": {why}" if why else "", hang=2)]
    reference = words.against(report)
    said = [line(Span("accuracy", "head"), f"   {words.basis(accuracy)}", f", against {reference}" if reference else "",
                 hang=4)]
    said += [line("  ", Span(text, "warn"), hang=2) for text in words.warnings(accuracy)]
    if accuracy.metric is not None:
        m = accuracy.metric
        on = f" of {shorten(m.output, NAME)}" if len(accuracy.outputs) > 1 else ""
        said.append(line("  ", Span(m.name, "head"), f"{on}  {words.metric_values(m)}  ",
                         Span(words.metric_change(m), words.metric_style(m)), hang=4))
    said += _outputs(accuracy)
    return said + ([] if report.gates_failed else _hint(report)) + _latency(accuracy) + _load(accuracy)


def _outputs(accuracy: Accuracy) -> list[Line]:
    ordered = words.worst_first(accuracy)
    measured, noted = [o for o in ordered if not o.note], [o for o in ordered if o.note]
    rows = [[Span(t, "dim") for t in ("output", *words.FIGURES)]] if measured else []
    rows += [[Span(shorten(printable(o.name), NAME)), *map(Span, shown.figures(o), grades.figures(o))] for o in measured[:MOST_OUTPUTS]]
    said = table(rows, right=(1, 2, 3, 4))
    if measured[MOST_OUTPUTS:]:
        more = words.plural(len(measured) - MOST_OUTPUTS, "more output")
        said.append(line(Span(f"  {more}, at least as close", "dim")))
    said += [line(f"  {printable(o.name)}: ", Span(f"not compared: {o.note}", "warn"), hang=4)
             for o in noted[:MOST_NOTES]]
    if noted[MOST_NOTES:]:
        said.append(line(Span(f"  {words.plural(len(noted) - MOST_NOTES, 'more output')} not compared", "dim")))
    return said


def _latency(accuracy: Accuracy) -> list[Line]:
    if accuracy.latency is None:
        return [line(Span("latency", "head"), f"   not measured: {accuracy.latency_skipped}", hang=4)
                ] if accuracy.latency_skipped else []
    return [line(Span("latency", "head"), f"    {words.latency(accuracy.latency)}", hang=4),
            line(Span(f"  {words.latency_times(accuracy.latency)}", "dim"), hang=4)]


def _load(accuracy: Accuracy) -> list[Line]:
    if accuracy.load is None:
        return [line(Span("load", "head"), f"   not measured: {accuracy.load_skipped}", hang=4)] if accuracy.load_skipped else []
    return [line(Span("load", "head"), f"       {words.load(accuracy.load)}   ", Span(words.load_figures(accuracy.load), "dim"), hang=4)]


def _notes(notes: Sequence[str]) -> list[Line]:
    said = [line(Span(f"  {text}", "dim"), hang=4) for text in notes[:MOST_NOTES]]
    if len(notes) > MOST_NOTES:
        said.append(line(Span(f"  {words.plural(len(notes) - MOST_NOTES, 'more note')}", "dim")))
    return said
