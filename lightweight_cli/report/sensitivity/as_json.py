"""The measurements as data: docs/sensitivity.schema.json tells the keys."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from typing import Any

from lightweight_cli.report import environment
from lightweight_cli.report.sensitivity import table
from lightweight_cli.sensitivity.found import Sensitivities

SCHEMA = 1
"""Of `document`. Raised when a key goes or changes its meaning."""


def document(found: Sensitivities, version: str) -> dict[str, Any]:
    """Return everything as plain data."""
    return {"schema": SCHEMA, "command": "sensitivity", "version": version, **_plain(found), "options": table.options(found),
            "environment": environment.here()}


def render(found: Sensitivities, version: str) -> str:
    """Return strict JSON: a number that is not finite becomes its name."""
    return json.dumps(document(found, version), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
