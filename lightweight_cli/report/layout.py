"""Lines of styled text: aligned in columns, and wrapped at a width in terminal cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lightweight_cli.report.words import safe

GAP = 2
"""Cells between columns."""

_BREAK = re.compile(r"(?<!\d) | (?!(?:%|[KMGTPE]?B|ms|s|min|dB)(?:\W|$))")
"""Spaces but those between a number and its unit."""


class Span(NamedTuple):
    """Text of one style; the style is a name of `terminal.STYLES`."""

    text: str
    style: str = ""


class Line(NamedTuple):
    """Spans, and the indent of what does not fit."""

    spans: tuple[Span, ...]
    hang: int = 0


def line(*parts: str | Span, hang: int = 0) -> Line:
    """Return a line of plain strings and spans; what they contain can't steer a terminal."""
    spans = (p if isinstance(p, Span) else Span(p) for p in parts)
    return Line(tuple(Span(safe(s.text), s.style) for s in spans), hang)


def cells(text: str) -> int:
    """Return the terminal cells that printable `text` takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` cells; what is cut is marked by dots."""
    text = safe(text)
    if cells(text) <= width:
        return text
    return text[: _fitting(text, max(0, width - 3))] + "..."


def table(rows: Sequence[Sequence[Span]], right: Sequence[int] = (), indent: int = 2) -> list[Line]:
    """Align rows in columns; those numbered in `right` to the right. The last column may wrap."""
    rows = [[Span(safe(c.text), c.style) for c in row] for row in rows]
    widths = [max(cells(row[i].text) for row in rows) for i in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        spans = [Span(" " * indent)]
        for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
            pad = " " * (width - cells(cell.text))
            end = " " * GAP if i + 1 < len(row) else ""
            spans += [Span(pad), cell, Span(end)] if i in right else [cell, Span(pad + end)]
        lines.append(Line(tuple(spans), indent + 2 * GAP))
    return lines


def wrap(whole: Line, width: int) -> Iterator[list[Span]]:
    """Break a line into lines of at most `width` cells, at spaces or within a long word.

    There is no break between a number and its unit.
    """
    text = "".join(s.text for s in whole.spans).rstrip()
    hang = min(whole.hang, width // 2)
    start, room, first = 0, width, True
    while first or start < len(text):
        end = start + _fitting(text[start:], room)
        if end < len(text):
            breaks = [m.start() for m in _BREAK.finditer(text, start, end + 6) if m.start() <= end]
            end = next((b for b in reversed(breaks) if text[start:b].strip()), end)
        found = list(_slice(whole.spans, start, start + len(text[start:end].rstrip())))
        yield found if first else [Span(" " * hang), *found]
        start = len(text) - len(text[end:].lstrip())
        room, first = width - hang, False


def _fitting(text: str, width: int) -> int:
    """Return how many leading characters fit; at least one of a text."""
    if text.isascii():
        return min(len(text), max(1, width))
    used = 0
    for i, c in enumerate(text):
        used += cells(c)
        if used > width:
            return max(1, i)
    return len(text)


def _slice(spans: Sequence[Span], start: int, end: int) -> Iterator[Span]:
    at = 0
    for text, style in spans:
        part = text[max(0, start - at) : max(0, end - at)]
        at += len(text)
        if part:
            yield Span(part, style)
