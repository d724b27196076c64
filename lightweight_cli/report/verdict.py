"""The verdict on a result: its word, and a row for each gate, kept or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.checking import shown
from lightweight_cli.report import words
from lightweight_cli.report.sizes import human

if TYPE_CHECKING:
    from lightweight_cli.checking.gates import GateResult
    from lightweight_cli.report.model import Report

COLUMNS = ("gate", "limit", "result", "")
"""The columns of `rows`."""


def headline(report: Report) -> tuple[str, str, str] | None:
    """Return the verdict's style, its word, and the rest of its line; None where no gate was asked for."""
    failed = len(report.gates_failed)
    if not report.gates:
        return None
    if not failed:
        return "good", "PASSED", f": {'the gate holds' if len(report.gates) == 1 else f'all {len(report.gates)} gates hold'}"
    count = f"{failed} of {words.plural(len(report.gates), 'gate')}" if len(report.gates) > 1 else "the gate"
    return "bad", "REJECTED", f": {count} failed" + ("" if report.command == "verify" else "; no model was written")


def rows(report: Report) -> list[tuple[list[str], str]]:
    """Return the cells of each gate and the style of its last, the failed ones first."""
    return [([g.name, *figures(g), "passed" if g.passed else "failed" if g.why is None else f"can't be evaluated: {g.why}"],
             "good" if g.passed else "bad") for g in sorted(report.gates, key=lambda g: g.passed)]


def figures(gate: GateResult) -> list[str]:
    """Return limit and value, with as many digits as tell a failed gate's apart."""
    word = "at most" if gate.most else "at least"
    if gate.value is None:
        return [f"{word} {_shown(gate.limit, gate.unit)}", ""]
    limit, value = (_shown(number, gate.unit) for number in (gate.limit, gate.value))
    if limit == value and gate.limit != gate.value:
        limit, value = (_exact(number, gate.unit) for number in (gate.limit, gate.value))
    return [f"{word} {limit}", value]


def _shown(number: float, unit: str) -> str:
    if unit == "bytes":
        return human(int(number))
    return f"{number:.2f}x" if unit == "x" else f"{number:.1f} dB" if unit == "dB" else f"{shown.value(number)} {unit}".rstrip()


def _exact(number: float, unit: str) -> str:
    return f"{int(number):,} bytes" if unit == "bytes" else f"{number!r}{'x' if unit == 'x' else f' {unit}'.rstrip()}"
