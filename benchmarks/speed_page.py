"""The table of docs/benchmarks-speed.md, made of what speed.py measured: python benchmarks/speed_page.py SPEED.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from resumed import MARK

PAGE = Path(__file__).resolve().parent.parent / "docs/benchmarks-speed.md"
FILES = {"speed": "`--for speed`", "memory": "`--for memory`", "size": "`--for size`", "float": "float",
         "ort_dynamic": "onnxruntime dynamic", "ort_static": "onnxruntime static", "sim_dynamic": "onnxsim dynamic",
         "sim_static": "onnxsim static", "nncf_static": "NNCF static"}
"""Rows of a model, in the order of the page, and their names."""
SETTINGS = {"1x1": "1 thread, 1", "1x16": "1 thread, 16", "2x1": "2 threads, 1", "2x16": "2 threads, 16"}
HEADS = ("model", "file", "KB", *SETTINGS.values(), "metric", "load, ms", "peak, MB", "resident, MB")


def line(name: str, file: str, row: dict[str, Any]) -> str:
    """Return one row of the table."""
    if "error" in row:
        cells = [f"fails: {row['error']}", *[""] * 8]
    elif all(row.get(s) is None for s in SETTINGS):
        cells = ["does not run", *[""] * 8]
    else:
        times = [f"{row[s]:.2f}" if row.get(s) is not None else "" for s in SETTINGS]
        memory = [f"{row[k] / 1e6:.1f}" if row.get(k) is not None else "" for k in ("peak", "resident")]
        metric = f"{row['metric']:.4f}" if row.get("metric") is not None else ""
        cells = [f"{row['bytes'] / 1e3:,.0f}", *times, metric, str(row.get("load_ms", "")), *memory]
    return "| " + " | ".join([name, FILES[file], *cells]) + " |"


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Return a line for each file of each model."""
    lines = [line(name, file, files[file]) for name, files in rows.items() for file in FILES if file in files]
    return "\n".join(["| " + " | ".join(HEADS) + " |", "| --- " * len(HEADS) + "|", *lines]) + "\n"


if __name__ == "__main__":
    head, mark, _ = PAGE.read_text().partition(MARK)
    PAGE.write_text(head + mark + "\n" + table(json.loads(Path(sys.argv[1]).read_text())))
