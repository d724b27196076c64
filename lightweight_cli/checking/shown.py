"""Figures of a check as text: the same in a report, at a Python prompt and in a notebook."""

from __future__ import annotations

import math
from typing import Any

from lightweight_cli.errors import printable


def decibels(sqnr: float | None) -> str:
    """Say an SQNR: "38.2 dB"; "equal" where no value differs."""
    return "" if sqnr is None else "equal" if sqnr == math.inf else f"{sqnr:.1f} dB"


def percent(share: float | None) -> str:
    """Say a share: "99.80 %"; only what is whole is said to be whole."""
    return "" if share is None else f"{not_above(100 * share, 2)} %"


def value(number: float) -> str:
    """Four decimals for what is near 1, a few digits for the rest."""
    if number == 0 or 5e-4 <= abs(number) < 10:
        return f"{number + 0.0:.4f}"
    return f"{number:.5g}" if abs(number) >= 10 else f"{number:.2g}"


def not_above(number: float, digits: int) -> str:
    """Round down: only what is whole is said to be whole."""
    if not math.isfinite(number) or number == round(number):
        return f"{number:g}"
    return f"{math.floor(number * 10**digits + 1e-9) / 10**digits:.{digits}f}"


def figures(output: Any) -> list[str]:
    """Return SQNR, largest error, cosine and agreement of one output; "" where one makes no sense."""
    return [decibels(output.sqnr), "" if output.max_error is None else f"{output.max_error:.3g}",
            "" if output.cosine is None else not_above(output.cosine, 5), percent(output.agreement)]


def brief(accuracy: Any) -> str:
    """Say an Accuracy in one line."""
    metric = accuracy.metric
    said = [f"{accuracy.samples:,} {'synthetic ' * accuracy.synthetic}sample{'s' * (accuracy.samples != 1)}",
            *([f"SQNR {decibels(accuracy.sqnr)}"] if accuracy.sqnr is not None else []),
            *([f"agreement {percent(accuracy.agreement)}"] if accuracy.agreement is not None else []),
            *([f"{metric.name} {value(metric.reference)} -> {value(metric.candidate)}"] if metric is not None else []),
            *(["values not compared"] if accuracy.unverified else [])]
    return f"<Accuracy: {', '.join(said)}>"


def as_table(accuracy: Any) -> str:
    """Return an Accuracy as an HTML table for a notebook."""
    from html import escape

    head = "".join(f"<th>{escape(name)}</th>" for name in ("output", "SQNR", "max |error|", "cosine", "agreement"))
    rows = "".join(f"<tr><td><code>{escape(printable(o.name))}</code></td>{''.join(f'<td>{f}</td>' for f in figures(o))}</tr>"
                   for o in accuracy.outputs)
    return f"<p>{escape(brief(accuracy)[1:-1])}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
