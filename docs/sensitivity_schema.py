"""The JSON Schema of what `lwc sensitivity` finds, made from its records: docs/generate.py writes it."""

from __future__ import annotations

from typing import Any

import report_schema

from lightweight_cli.report.sensitivity.as_json import SCHEMA
from lightweight_cli.sensitivity.found import Sensitivities


def schema() -> dict[str, Any]:
    """Return the schema of `report.sensitivity.as_json.document`."""
    found = report_schema.record(Sensitivities)["properties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sensitivities of a model's weights",
        "description": "What `lwc sensitivity --json` writes. A new key does not raise `schema`; one that goes or changes does.",
        **report_schema.whole({
            "schema": {"const": SCHEMA, "description": "The version of this layout."},
            "command": {"const": "sensitivity"},
            "version": {"type": "string", "description": "Of lwc."},
            **found,
            "options": {"type": "string", "description": "The patterns as options to paste; empty where none is needed, or more than "
                        "half of the bytes would have to stay out."},
            "environment": report_schema.environment(),
        }),
    }
