"""The report as data for machines: docs/report.md tells the keys, docs/report.schema.json their types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lightweight_cli.report import environment, hints

if TYPE_CHECKING:
    from lightweight_cli.report.model import Report

SCHEMA = 2
"""Of `document`. Raised when a key goes or changes its meaning; a new key does not raise it."""


def render(report: Report) -> str:
    """Return strict JSON; no number in it is NaN or infinite."""
    return json.dumps(document(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the report as plain data."""
    return {
        "schema": SCHEMA,
        "status": report.status,
        "command": report.command,
        "version": report.version,
        "source": _unicode(report.source),
        "source_sha256": report.source_sha256,
        "output": _unicode(report.output),
        "output_sha256": report.output_sha256,
        "bytes_before": report.bytes_before,
        "bytes_after": report.bytes_after,
        "ratio": report.ratio,
        "gates": [g.to_json() for g in report.gates],
        "hint": hints.hint(report),
        "steps": [s.to_json() for s in report.steps],
        "check": report.check and {k: _listed(v) for k, v in report.check.items()},
        "check_skipped": report.check_skipped,
        "reference": report.reference and _unicode(report.reference),
        "accuracy": report.accuracy and report.accuracy.to_json(),
        "passthrough": report.passthrough,
        "target": report.place,
        "notes": list(report.notes),
        "environment": environment.here(),
        "seconds": round(report.seconds, 3),
    }


def _listed(value: Any) -> Any:
    return [_listed(v) for v in value] if isinstance(value, (list, tuple)) else _unicode(value) if isinstance(value, str) else value


def _unicode(path: str) -> str:
    """Return a path with the bytes that are no UTF-8 written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
