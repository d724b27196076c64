"""Several candidates beside one model: a row for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightweight_cli.checking import shown
from lightweight_cli.report import as_json as document
from lightweight_cli.report import words
from lightweight_cli.report.sizes import human

if TYPE_CHECKING:
    from lightweight_cli.report.model import Report

Rows = list[tuple[list[str], str]]


def table_of(reports: Sequence[Report]) -> tuple[list[str], Rows]:
    """Return the head, and each candidate's cells with the style of the last; columns that would be empty are left out."""
    rows = [_cells(r) for r in reports]
    head = ["candidate", "size", "change", "SQNR", "agreement", "drop", "time", "processor", ""]
    kept = [i for i in range(len(head)) if i in (0, len(head) - 1) or any(row[i] for row in rows)]
    return [head[i] for i in kept], [([row[i] for i in kept], "good" if r.status == "verified" else "bad")
                                     for row, r in zip(rows, reports, strict=True)]


def _cells(report: Report) -> list[str]:
    found = report.accuracy
    size = [words.safe(report.output), human(report.bytes_after), f"{100 * (report.bytes_after / max(report.bytes_before, 1) - 1):+.1f} %"]
    if found is None:
        return [*size, "", "", "", "", "", f"broken: {report.check_skipped}"]
    worst = words.worst_first(found)[:1]
    sqnr = next((shown.figures(o)[0] for o in worst), "")
    drop = "" if found.metric is None else shown.value(found.metric.drop)
    paces = (found.latency.clock, found.latency.processor) if found.latency else ()
    times = ["noisy" if p.ratio is None else f"{p.ratio:.2f}x" for p in paces] or ["", ""]
    failed = len(report.gates_failed)
    verdict = "" if not report.gates else f"{words.plural(failed, 'gate')} failed" if failed else "passed"
    return [*size, sqnr, shown.percent(found.agreement), drop, *times, verdict]


def as_json(reports: Sequence[Report]) -> str:
    """Return strict JSON: the reports under "candidates", each as one of its own."""
    whole = {"schema": document.SCHEMA, "command": "verify", "candidates": [document.document(r) for r in reports]}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_markdown(reports: Sequence[Report]) -> str:
    """Return the table, and each report behind its name."""
    from lightweight_cli.report import markdown

    head, rows = table_of(reports)
    cells = [[markdown.code(row[0]), *map(markdown.prose, row[1:-1]), f"{markdown.MARKS[style]} {markdown.prose(row[-1])}".strip()]
             for row, style in rows]
    table = markdown.table([*head[:-1], "verdict"], cells, right=tuple(range(1, len(head) - 1)))
    each = [markdown.folded(markdown.prose(r.output), markdown.render(r)) for r in reports]
    return "\n\n".join([f"## lwc verify: {markdown.code(reports[0].source)}", table, *each]) + "\n"
