"""The tables of runs of docs/targets.md, from what benchmarks/targets.py wrote to targets.json: forms by runtimes, one for each model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EQUAL = 1e-5
"""Error relative to the largest output up to which outputs count as equal: another order of the same sums."""
PLACES = {"": "", "openvino": ", --target openvino", "ort-format": ", .ort"}
ORDER = ("onnxruntime", "onnxruntime-web", "onnxruntime-web,", "OpenVINO")
LONGEST = 160
Row = dict[str, Any]


def table() -> str:
    """Return a table for each model, and why files were refused."""
    path = HERE / "targets.json"
    if not path.exists():
        return "Not measured yet."
    rows: list[Row] = json.loads(path.read_text())["rows"]
    runtimes = sorted({r["runtime"] for r in rows}, key=order)
    reasons: list[str] = []
    parts = [of_model(name, [r for r in rows if r["model"] == name], runtimes, reasons) for name in dict.fromkeys(r["model"] for r in rows)]
    return "\n\n".join([*parts, *(f"({i}) {why}" for i, why in enumerate(reasons, 1))])


def of_model(name: str, rows: list[Row], runtimes: list[str], reasons: list[str]) -> str:
    """Return one model's table; `reasons` grows by those of its refusals."""
    lines = [f"**{name}**", "", "| form | KB | " + " | ".join(runtimes) + " |", "| --- | ---: |" + " --- |" * len(runtimes)]
    found = {(r["form"], r["place"], r["runtime"]): r for r in rows}
    forms = list(dict.fromkeys(r["form"] for r in rows))
    kinds = sorted({(r["form"], r["place"]) for r in rows}, key=lambda k: (forms.index(k[0]), list(PLACES).index(k[1])))
    for form, place in kinds:
        held = [found.get((form, place, runtime)) for runtime in runtimes]
        size = next(r["bytes"] for r in held if r is not None)
        lines.append("| " + " | ".join([form + PLACES[place], f"{size / 1e3:,.0f}", *(cell(r, reasons) for r in held)]) + " |")
    return "\n".join(lines)


def order(runtime: str) -> tuple[int, list[int], str]:
    """Return where a runtime stands: onnxruntime by release, the web, OpenVINO."""
    name, _, version = runtime.partition(" ")
    return ORDER.index(name), [int(n) for n in version.split(",")[0].split(".") if n.isdigit()], runtime


def cell(row: Row | None, reasons: list[str]) -> str:
    """Return what one run found: outputs, then ms to load / MB / ms a run."""
    if row is None:
        return ""
    if "refused" in row:
        why = reason(row)
        if why not in reasons:
            reasons.append(why)
        return f"refused ({reasons.index(why) + 1})"
    memory = row.get("peak_bytes", row.get("heap_bytes", 0))
    load = row.get("load_cpu_s", row["load_s"])
    run = row.get("least_s", row["run_s"]) * 1e3
    return f"{equal(row['error'])} {load * 1e3:.0f} / {memory / 1e6:.0f} / {run:.{2 if run < 10 else 0}{'g' if run < 10 else 'f'}}"


def equal(error: float) -> str:
    """Return whether outputs are equal, in a sign."""
    return "=" if error == 0 else "≈" if error <= EQUAL else f"off by {error:.0e}:"


def reason(row: Row) -> str:
    """Return the end of what a runtime said, where the reason is."""
    text = re.sub(r"^.*(?=Unsupported model IR)", "", " ".join(row["refused"].split()))
    return f"{row['runtime']}: {text if len(text) <= LONGEST else '...' + text[-LONGEST:]}"
