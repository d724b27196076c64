"""The table as Markdown."""

from __future__ import annotations

from lightweight_cli.report import markdown
from lightweight_cli.report.sensitivity import table
from lightweight_cli.sensitivity.found import Sensitivities


def render(found: Sensitivities) -> str:
    """Return the page."""
    rows = [[markdown.code(w.name), *map(markdown.prose, table.cells(w))] for w in found.weights]
    options = table.options(found)
    said = [f"## lwc sensitivity: {markdown.code(found.source)}", markdown.prose(table.basis(found)),
            markdown.table(table.HEAD, rows, right=tuple(range(3, len(table.HEAD)))), markdown.prose(table.advice(found))]
    said += [f"```\n{options}\n```"] if options else []
    return "\n\n".join([*said, *map(markdown.prose, table.notes(found))]) + "\n"
