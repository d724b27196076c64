"""Whether sizes are met, and what 8 bits give at the same size: python benchmarks/target_size.py MODEL[=DATA]... [--only-table].

For each model three targets: the size that `quantize --bits 8` gives, a sixth and a twelfth of the original. Without data inputs are
synthetic. Rows are kept in RESULTS, none is measured twice; the table of docs/compress.md is made of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from resumed import Rows

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build/target_size.jsonl"
PAGE = ROOT / "docs/compress.md"
MARK, END = "<!-- sizes -->\n", "<!-- /sizes -->\n"
RATIOS = (0, 6, 12)
"""0: the size of 8 bits."""


def lwc(*words: str) -> str:
    """Run a command. Returns: its last line of errors."""
    done = subprocess.run([sys.executable, "-m", "lightweight_cli", *words], capture_output=True, text=True,
                          env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    return (done.stderr.strip().splitlines() or [""])[-1]


def sqnr(report: Path) -> float | None:
    """Return the dB of the worst output."""
    outputs = (json.loads(report.read_text()).get("accuracy") or {}).get("outputs", [])
    return min((float(o["sqnr"]) for o in outputs if o.get("sqnr") is not None), default=None)


def row(model: Path, data: str, ratio: int) -> dict[str, Any]:
    """Meet one size. Returns: the figures."""
    given = ["--calibrate", data] if data else []
    found: dict[str, Any] = {"model": model.parent.name, "ratio": ratio, "data": bool(data), "original": model.stat().st_size}
    with tempfile.TemporaryDirectory() as place:
        eight, small, report = Path(place) / "8.onnx", Path(place) / "small.onnx", Path(place) / "report.json"
        if not ratio:
            lwc("quantize", str(model), "--bits", "8", *given, "-q", "--check-time", "5", "-o", str(eight), "--report", str(report))
            found |= {"target": eight.stat().st_size, "eight": sqnr(report)}
        else:
            found["target"] = found["original"] // ratio
        said = lwc("compress", str(model), "--target-size", f"{found['target']}B", *given, "-q", "--time-limit", "36000",
                   "--check-time", "5", "-o", str(small), "--report", str(report), "-f")
        if not small.exists():
            return {**found, "failed": said.rpartition("bytes: ")[2].partition(";")[0]}
        return {**found, "bytes": small.stat().st_size, "sqnr": sqnr(report)}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table."""
    lines = ["| model | inputs | target | bytes | below | dB | dB of 8 bits |", "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for r in rows:
        cells = [r["model"], "data" if r["data"] else "synthetic", f"{r['target']:,}"]
        if "failed" in r:
            lines.append("| " + " | ".join([*cells, r["failed"], "", "", ""]) + " |")
            continue
        decibels = [f"{r[k]:.1f}" if r.get(k) is not None else "" for k in ("sqnr", "eight")]
        lines.append("| " + " | ".join([*cells, f"{r['bytes']:,}", f"{100 * (1 - r['bytes'] / r['target']):.1f} %", *decibels]) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--only-table", action="store_true")
    given = parser.parse_args()
    kept = Rows(RESULTS, "model", "ratio")
    for spec in [] if given.only_table else given.models:
        path, _, data = spec.partition("=")
        for ratio in RATIOS:
            kept.measure((Path(path).parent.name, ratio), partial(row, Path(path), data, ratio))
    head, _, rest = PAGE.read_text().partition(MARK)
    _, _, tail = rest.partition(END)
    PAGE.write_text(head + MARK + "\n" + table(kept.rows) + "\n" + END + tail)


if __name__ == "__main__":
    main()
