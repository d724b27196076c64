"""The table as one page for a browser, with a bar for every figure: the longer, the more is lost."""

from __future__ import annotations

import math

from lightweight_cli.report import bars, html, words
from lightweight_cli.report.sensitivity import table
from lightweight_cli.sensitivity.found import Measured, Sensitivities, Sensitivity
from lightweight_cli.sensitivity.ladder import LADDER

NOTHING, ALL = 60.0, 0.0
"""dB at which a bar begins, and at which it is full."""


def render(found: Sensitivities, version: str) -> str:
    """Return the whole page."""
    options = table.options(found)
    body = [f"<h1>lwc sensitivity: {html.code(found.source)}</h1>", f"<p>{html.prose(table.basis(found))}</p>",
            *(f'<p class="warn">{html.prose(n)}</p>' for n in table.notes(found)),
            f"<h2>At {found.bits} bits</h2>", _picture(found), f"<p>{html.prose(table.advice(found))}</p>",
            *([f"<p>{html.code(options)}</p>"] if options else []), "<h2>All changes</h2>",
            html.table(table.HEAD, (_row(w) for w in found.weights), right=tuple(range(3, len(table.HEAD)))),
            f"<footer>lwc {html.prose(version)}, {words.duration(found.seconds)}</footer>"]
    return html.page(f"lwc sensitivity: {html.prose(found.source)}", body)


def _picture(found: Sensitivities) -> str:
    """Return a bar for every weight at the bits that are asked for."""
    rows = []
    for weight in found.weights:
        at = weight.at("bits", found.bits)
        if at is not None:
            rows.append([html.code(weight.name), table.decibels(at), bars.share(length(at), f"{weight.name}: {table.decibels(at)} dB")])
    return html.table(["weight", "dB", ""], rows, right=(1,))


def length(effect: Measured) -> float:
    """Return how long the bar of an effect is, 0 to 1."""
    if not math.isfinite(effect.sqnr):
        return 0.0 if effect.sqnr > 0 else 1.0
    return min(1.0, max(0.0, (NOTHING - effect.sqnr) / (NOTHING - ALL)))


def _row(weight: Sensitivity) -> list[str]:
    op, shape, *rest = map(html.prose, table.cells(weight))
    if weight.reason is not None:
        return [html.code(weight.name), op, shape, *rest]
    drawn = (bars.share(length(e), str(r)) if (e := weight.at(*r)) is not None else "" for r in LADDER)
    return [html.code(weight.name), op, shape, *(f"{text}{bar}" for text, bar in zip(rest, drawn, strict=True))]
