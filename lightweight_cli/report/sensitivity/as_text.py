"""The table as text: the worst weight first."""

from __future__ import annotations

from lightweight_cli.report.layout import Line, Span, line, shorten, table
from lightweight_cli.report.sensitivity import table as told
from lightweight_cli.sensitivity.found import Sensitivities

NAME, SHAPE = 44, 18
"""Cells of a name and of a shape; what is longer is in the other forms."""


def render(found: Sensitivities) -> str:
    """Return the text; lines are as long as they get, so that the list can be pasted."""
    rows = [list(told.HEAD)]
    for weight in found.weights:
        op, shape, *rest = told.cells(weight)
        rows.append([shorten(weight.name, NAME), op, shorten(shape, SHAPE), *rest])
    said: list[Line] = [line(told.basis(found)), line()]
    said += table([[Span(c) for c in row] for row in rows], right=tuple(range(3, len(told.HEAD))), indent=0)
    said += [line(), line(told.advice(found)), *([line(f"  {told.options(found)}")] if told.options(found) else [])]
    said += map(line, told.notes(found))
    return "".join("".join(s.text for s in one.spans).rstrip() + "\n" for one in said)
