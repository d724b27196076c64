"""The table of runs of docs/targets.md, from what benchmarks/targets.py wrote to targets.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EQUAL = 1e-5
"""Error relative to the largest output up to which outputs count as equal: another order of the same sums."""
Row = dict[str, Any]


def table() -> str:
    """Return one table for each model: forms by runtimes."""
    path = HERE / "targets.json"
    if not path.exists():
        return "Not measured yet."
    rows: list[Row] = json.loads(path.read_text())["rows"]
    order_of = {form: i for i, form in enumerate(dict.fromkeys(r["form"] for r in rows))}
    rows.sort(key=lambda r: order_of[r["form"]])
    return "\n\n".join(of_model(name, [r for r in rows if r["model"] == name]) for name in dict.fromkeys(r["model"] for r in rows))


def of_model(name: str, rows: list[Row]) -> str:
    """Return one model's table."""
    lines = [f"**{name}**", "", "| runtime | form | KB | loads | outputs | load ms | memory MB | run ms |",
             "| --- | --- | ---: | --- | --- | ---: | ---: | ---: |"]
    runtimes = list(dict.fromkeys(r["runtime"] for r in rows))
    for runtime in sorted(runtimes, key=order):
        lines += [line(r, rows) for r in rows if r["runtime"] == runtime]
    return "\n".join(lines)


def order(runtime: str) -> tuple[int, list[int], str]:
    """Return where a runtime stands: onnxruntime by release, the web, OpenVINO."""
    name, _, version = runtime.partition(" ")
    numbers = [int(n) for n in version.split(",")[0].split(".") if n.isdigit()]
    return ["onnxruntime", "onnxruntime-web", "onnxruntime-web,", "OpenVINO"].index(name), numbers, runtime


def line(row: Row, rows: list[Row]) -> str:
    """Return one run's line."""
    form = row["form"] + {"openvino": " (--target openvino)", "ort-format": " (.ort)"}.get(row["place"], "")
    start = [row["runtime"], form, f"{row['bytes'] / 1e3:,.0f}"]
    if "refused" in row:
        return "| " + " | ".join([*start, f"no: {row['refused']}", "", "", "", ""]) + " |"
    memory = row.get("peak_bytes", row.get("heap_bytes", 0))
    load = row.get("load_cpu_s", row["load_s"])
    figures = [f"{load * 1e3:.1f}", f"{memory / 1e6:.1f}", f"{row.get('least_s', row['run_s']) * 1e3:.2f}"]
    return "| " + " | ".join([*start, "yes", equal(row["error"]), *figures]) + " |"


def equal(error: float) -> str:
    """Return whether outputs are equal, in words."""
    return "the same bits" if error == 0 else "equal" if error <= EQUAL else f"off by {error:.1e} of the largest"
