"""The table of docs/encodings.md, from the layouts' declarations and the figures of two benchmarks.

benchmarks/encodings.py wrote encodings.json, benchmarks/compat_encodings.py encodings-compat.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightweight_cli.encodings import choose, vectors

HERE = Path(__file__).resolve().parent
PER_100_MB = 25e6 / 1e6
"""Weights in 100 MB of float32, in millions: bytes a weight times this are MB."""


def table() -> str:
    """Return the table in Markdown, with a line that says where its figures come from."""
    figures = json.loads((HERE / "encodings.json").read_text())
    compat = json.loads((HERE / "encodings-compat.json").read_text())
    head = ["encoding", "bits a weight", "opset", "load CPU s", "load peak MB", *compat["runtimes"]]
    lines = [row(head), row(["---"] * len(head))]
    for each in figures["cases"]:
        seen = compat["cases"].get(each["case"], {})
        lines.append(row([each["case"], f"{each['bits']:.2f}", opset(each["label"]), f"{each['load_cpu_ns'] * PER_100_MB / 1e3:.2f}",
                          f"{each['load_bytes'] * PER_100_MB:.0f}", *(seen.get(r, "") for r in compat["runtimes"])]))
    return "\n".join([*lines, "", source(figures)])


def row(cells: list[Any]) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def opset(label: str) -> str:
    """Return the first opset that takes a layout, or one within another."""
    known = {m.NAME: m.MINIMUM_OPSET for m in (*choose.LAYOUTS, *choose.SPARSE, vectors)}
    first = max(known[name] for name in label.split(" + "))
    return str(first) if first > 1 else ""


def source(figures: dict[str, Any]) -> str:
    """Return where and how the figures were measured."""
    ratios = [value for each in figures["cases"] for value in each["latency"].values()]
    at_load = all(value for each in figures["cases"] for value in each["folded"].values())
    assert at_load, "an encoding was not folded: the page says otherwise"
    return (f"Load figures are for 100 MB of float32 weights, on one thread of onnxruntime {figures['onnxruntime']} "
            f"({figures['machine']}): `benchmarks/encodings.py`, {figures['rows']} x {figures['rows']} weights, scaled. "
            "There every encoding is folded at the optimisation levels basic and all, to the bit, and a model then takes "
            f"{min(ratios):.2f} to {max(ratios):.2f} of the float32 model's time. The last columns are by "
            "`benchmarks/compat_encodings.py`: whether the decoding is folded when the model is "
            "loaded (onnxruntime-web: told from the time of a run, in Node); the weights were exact wherever a model was not refused.")
