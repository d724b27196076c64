"""The candidates of a search: what each takes, what it loses, and which one is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightweight_cli.report.sizes import human

if TYPE_CHECKING:
    from lightweight_cli.pipeline.step_report import Measured

HEAD = ("candidate", "size", "dB", "goal", "on the rows that judge")
WIDTH, HEIGHT, EDGE = 640, 220, 34
"""Of the picture: its size, and the room for its axes."""
RANGE = (0.0, 60.0)
"""dB that the picture shows; what is beyond is drawn at its edge."""


def rows(front: Sequence[Measured]) -> list[list[str]]:
    """Return a row a candidate, the largest first."""
    ordered = sorted(front, key=lambda m: -m.nbytes)
    return [["kept" if m.kept else "", human(m.nbytes), decibels(m), "held" if m.holds else "missed", m.sentence] for m in ordered]


def decibels(measured: Measured) -> str:
    """Return the loss in dB: the more, the less is lost."""
    return f"{_db(measured):.1f}"


def picture(front: Sequence[Measured]) -> str:
    """Return sizes against losses as an inline SVG: a point a candidate, those that miss the goal hollow."""
    from html import escape

    sizes = [math.log(max(1, m.nbytes)) for m in front]
    low, high = min(sizes), max(sizes)

    def x(m: Measured) -> float:
        return EDGE + (WIDTH - 2 * EDGE) * ((math.log(max(1, m.nbytes)) - low) / (high - low) if high > low else 0.5)

    def y(db: float) -> float:
        return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (min(max(db, RANGE[0]), RANGE[1]) - RANGE[0]) / (RANGE[1] - RANGE[0])

    drawn = [f'<line x1="{EDGE}" y1="{y(db):.0f}" x2="{WIDTH - EDGE}" y2="{y(db):.0f}" class="zero"/>'
             f'<text x="2" y="{y(db) + 4:.0f}" font-size="11" fill="currentColor">{db:.0f} dB</text>' for db in (0, 20, 40, 60)]
    ends = (min(m.nbytes for m in front), max(m.nbytes for m in front))
    for m in sorted(front, key=lambda m: m.kept):
        said = escape(f"{human(m.nbytes)}, {decibels(m)} dB: {m.sentence}")
        look = 'class="point"' if m.holds else 'fill="none" stroke="currentColor"'
        drawn.append(f'<circle cx="{x(m):.1f}" cy="{y(_db(m)):.1f}" r="{7 if m.kept else 4}" {look}><title>{said}</title></circle>')
        if m.kept or m.nbytes in ends:
            drawn.append(f'<text x="{x(m):.1f}" y="{HEIGHT - 8}" font-size="11" text-anchor="middle" fill="currentColor">'
                         f"{human(m.nbytes)}</text>")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="candidates by size and loss">{"".join(drawn)}</svg>'


def _db(measured: Measured) -> float:
    return min(99.9, max(-99.9, -10 * math.log10(measured.loss))) if measured.loss > 0 else 99.9
