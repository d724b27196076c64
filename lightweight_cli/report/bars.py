"""Horizontal bars as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

HUES = ("c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7")
"""Classes whose colours the page's style sheet sets, for light and dark."""
LENGTH = 640
HEIGHT = 18
ROW = 26
SHORT = 100


def compared(sizes: Sequence[tuple[str, int]]) -> str:
    """Return one bar a size, all to one scale. The labels say what each is."""
    longest = max(size for _, size in sizes) or 1
    bars = [_bar(0, i * ROW, LENGTH * size / longest, "c1" if i else "before", label)
            for i, (label, size) in enumerate(sizes)]
    return _svg(bars, len(sizes) * ROW, "; ".join(label for label, _ in sizes))


def stacked(parts: Sequence[tuple[str, int]]) -> str:
    """Return one bar of parts that fill it; part i has the colour `hue(i)`."""
    total = sum(size for _, size in parts) or 1
    bars, at = [], 0.0
    for i, (label, size) in enumerate(parts):
        bars.append(_bar(at, 0, LENGTH * size / total, hue(i), label))
        at += LENGTH * size / total
    return _svg(bars, ROW, "; ".join(label for label, _ in parts))


def interval(low: float, middle: float, high: float, label: str) -> str:
    """Return a value and its interval on a line that also shows zero."""
    ends = (min(low, middle, 0.0), max(high, middle, 0.0))
    span = (ends[1] - ends[0]) or 1.0

    def x(value: float) -> float:
        return 10 + (LENGTH - 20) * (value - ends[0]) / span

    return _svg([
        f'<line x1="{x(0):.1f}" y1="2" x2="{x(0):.1f}" y2="{HEIGHT + 4}" class="zero"/>',
        f'<line x1="{x(low):.1f}" y1="13" x2="{x(high):.1f}" y2="13" class="range"/>',
        f'<circle cx="{x(middle):.1f}" cy="13" r="5" class="point"/>'], ROW, label)


def share(length: float, label: str) -> str:
    """Return a small bar for a cell of a table, `length` 0 to 1 of its width; nothing of none."""
    if not length:
        return ""
    bar = _bar(0, 0, SHORT * length, "c1", label)
    return f'<svg viewBox="0 0 {SHORT} {HEIGHT}" width="{SHORT}" height="10" role="img" aria-label="{escape(label)}">{bar}</svg>'


def hue(number: int) -> str:
    """Return the class of the part of that number."""
    return HUES[number % len(HUES)]


def _bar(x: float, y: float, width: float, kind: str, label: str) -> str:
    return (f'<rect x="{x:.1f}" y="{y}" width="{max(width, 1):.1f}" height="{HEIGHT}" rx="2" class="{kind}">'
            f"<title>{escape(label)}</title></rect>")


def _svg(inner: Sequence[str], height: int, label: str) -> str:
    return (f'<svg viewBox="0 0 {LENGTH} {height}" role="img" aria-label="{escape(label)}">{"".join(inner)}</svg>')
