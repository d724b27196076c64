"""Bits by method, on models with labelled data: python benchmarks/quantization.py MODEL_FOLDER... [--bits 8 4] [--only-table].

A folder holds model.onnx, calib_feeds.npz, and eval.py, whose `run(path)` returns a task metric and whose `feeds()` are what outputs are
compared on. Each row is written as it is finished to RESULTS, and never measured twice; docs/benchmarks-quantization.md is made of them.
CPU seconds are of the whole command. Bytes are of the file.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build/quantization.jsonl"
PAGE = ROOT / "docs/benchmarks-quantization.md"
BITS = (8, 6, 5, 4, 3, 2)
METHODS = {"nearest": (), "mse": (), "gptq": (), "gptq with data": ("--calibrate", "{folder}/calib_feeds.npz", "--samples", "256")}
COMPARED = 8
"""Batches on which outputs are compared for the SQNR."""
MEASURE = """
import sys, os, json, itertools, numpy as np, onnxruntime as ort
folder, path = sys.argv[1:3]
os.chdir(folder); sys.path.insert(0, folder)
import eval as task
def outputs(p):
    options = ort.SessionOptions(); options.log_severity_level = 3
    session = ort.InferenceSession(p, options, providers=["CPUExecutionProvider"])
    return [session.run(None, feed)[0] for feed in itertools.islice(task.feeds(), int(sys.argv[3]))]
old, new = outputs("model.onnx"), outputs(path)
noise = sum(float(((a.astype(float) - b) ** 2).sum()) for a, b in zip(old, new))
power = sum(float((a.astype(float) ** 2).sum()) for a in old)
found = task.run(path)
metric = found[0] if isinstance(found, tuple) else found
print(json.dumps({"metric": metric, "sqnr": None if not noise else 10 * np.log10(power / noise)}))
"""


def main() -> int:
    """Measure what is missing, and write the page. Returns: the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--bits", nargs="+", type=int, default=BITS)
    parser.add_argument("--only-table", action="store_true")
    given = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    done = rows()
    for folder in [] if given.only_table else given.folders:
        folder = folder.resolve()
        todo = [("float", 32), *itertools.product(METHODS, given.bits)]
        for method, bits in todo:
            if not any((r["model"], r["method"], r["bits"]) == (folder.name, method, bits) for r in done):
                row = {"model": folder.name, "method": method, "bits": bits, **measured(folder, method, bits)}
                done.append(row)
                with RESULTS.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(row, flush=True)
    PAGE.write_text(page(done))
    return 0


def rows() -> list[dict]:
    """Return what was measured before."""
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def measured(folder: Path, method: str, bits: int) -> dict:
    """Quantize and evaluate one model; of one that fails, the last line of what was said."""
    with tempfile.TemporaryDirectory() as place:
        path, spent = str(folder / "model.onnx"), 0.0
        if method != "float":
            before = cpu()
            command = [sys.executable, "-m", "lightweight_cli", "quantize", path, "-o", f"{place}/out.onnx", "--no-check", "-q",
                       "--bits", str(bits), "--method", method.split()[0], *(w.format(folder=folder) for w in METHODS[method])]
            ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
            path, spent = f"{place}/out.onnx", cpu() - before
            if ran.returncode:
                return {"failed": ran.stderr.strip().splitlines()[-1]}
        told = subprocess.run([sys.executable, "-c", MEASURE, str(folder), path, str(COMPARED)], capture_output=True, text=True)
        if told.returncode:
            return {"failed": told.stderr.strip().splitlines()[-1]}
        return {"bytes": os.path.getsize(path), "cpu_s": round(spent, 2), **json.loads(told.stdout.splitlines()[-1])}


def cpu() -> float:
    """Return the CPU seconds of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def page(done: list[dict]) -> str:
    """Return the page: a table a model, a row for each number of bits and method."""
    parts = ["# Quantization, bits by method\n\nMade by `benchmarks/quantization.py`. \"with data\": `--calibrate`, 256 unlabelled "
             "samples, none of which judge. SQNR is of the first output, over eight batches of the labelled data; CPU seconds are of "
             "the whole command.\n"]
    for model in dict.fromkeys(r["model"] for r in done):
        parts.append(f"\n## {model}\n\n| bits | method | metric | SQNR, dB | bytes | CPU s |\n| ---: | --- | ---: | ---: | ---: | ---: |\n")
        order = ["float", *METHODS]
        for r in sorted((r for r in done if r["model"] == model), key=lambda r: (-r["bits"], order.index(r["method"]))):
            if "failed" in r:
                parts.append(f"| {r['bits']} | {r['method']} | {r['failed']} | | | |\n")
                continue
            sqnr = "" if r["sqnr"] is None else f"{r['sqnr']:.1f}"
            parts.append(f"| {r['bits']} | {r['method']} | {r['metric']['value']} | {sqnr} | {r['bytes']:,} | {r['cpu_s']} |\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.exit(main())
