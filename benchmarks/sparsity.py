"""Zeros and what they cost, and onnxsim's SparseGPT: python benchmarks/sparsity.py FOLDER... [--peer PYTHON] [--only-table].

A folder holds model.onnx, calib_feeds.npz (unlabelled) and eval.py; PYTHON has onnxsim. Each row is written to RESULTS as it is
finished, and never measured twice; docs/sparsity.md is made of them. The metric is of every STEP-th labelled row, none of which
calibrates; seconds are processor time of lwc and the children that it waited for, one thread.
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
RESULTS = ROOT / "build/sparsity.jsonl"
PAGE = ROOT / "docs/sparsity.md"
SHARES = ("0.5", "0.7", "0.8", "0.9", "2:4")
ALIKE = ("--scope", "tensor")
WAYS = {
    "magnitude": ("--no-recover",),
    "magnitude, recovered without data": ("--check-time", "20"),
    "wanda": ("--criterion", "wanda", "--no-recover"),
    "obs": ("--criterion", "obs", *ALIKE, "--no-recover"),
    "magnitude, recovered": (),
    "wanda, recovered": ("--criterion", "wanda"),
    "obs, recovered": ("--criterion", "obs", *ALIKE),
    "obs by sensitivity, recovered": ("--criterion", "obs"),
}
NO_DATA = "magnitude, recovered without data"
"""The way that gets no calibration inputs; there are synthetic ones only where the model is run."""
PEER = "onnxsim, SparseGPT"
SPARSE_GPT = """
import sys, numpy as np, onnx
from onnxsim import pruning
source, target, data, share = sys.argv[1:]
stored = {k: v for k, v in np.load(data).items() if k not in ("labels", "label", "y")}
model = onnx.load(source)
whole = {v.name: v for v in model.graph.input}
dtype = {n: onnx.helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type) for n, v in whole.items()}
count = len(next(iter(stored.values())))
batches = [{n: a[i : i + 16].astype(dtype[n]) for n, a in stored.items()} for i in range(0, count, 16)]
n, colon, m = share.partition(":")
how = {"n": int(n), "m": int(m)} if colon else {"sparsity": float(share)}
onnx.save(pruning.apply_sparsegpt_pruning(model, calibration_data=batches, **how), target)
"""
LIMIT = 3600
"""Seconds by the clock for one way on one model."""
STEP = {"minilm-stsb": 4, "ppocrv4-rec": 2}
"""Of labelled rows; others: all."""


def judged(folder: Path, path: Path) -> dict[str, Any]:
    """Return the task metric, and the SQNR of the outputs."""
    store = RESULTS.parent / f"sparsity-{folder.name}.npz"
    judge, step = ROOT / "benchmarks/quantization_judge.py", STEP.get(folder.name, 1)
    words = [sys.executable, str(judge), str(folder), str(path), str(step), str(store)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no result"])[-1][:120]}
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def row(folder: Path, share: str, way: str, peer: str) -> dict[str, Any]:
    """Prune one model in one way. Returns: the figures."""
    found: dict[str, Any] = {"model": folder.name, "share": share, "way": way}
    if way == "original":
        return {**found, "bytes": (folder / "model.onnx").stat().st_size, "seconds": 0, **judged(folder, folder / "model.onnx")}
    amount = ("--pattern" if ":" in share else "--sparsity", share)
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / "small.onnx"
        words = [sys.executable, "-m", "lightweight_cli", "prune", str(folder / "model.onnx"), *amount, *WAYS.get(way, ())]
        words += ("-q", "-o", str(target))
        words += () if way == NO_DATA else ("--calibrate", str(folder / "calib_feeds.npz"), "--no-check")
        if way == PEER:
            words = [peer, "-c", SPARSE_GPT, str(folder / "model.onnx"), str(target), str(folder / "calib_feeds.npz"), share]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        except subprocess.TimeoutExpired:
            return {**found, "failed": f"not done after {LIMIT} s"}
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            return {**found, "failed": (done.stderr.strip().splitlines() or ["no result"])[-1][:120]}
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {**found, "bytes": target.stat().st_size, "seconds": spent, **judged(folder, target)}


def fits(share: str, way: str) -> bool:
    """Whether a way is one for a share: a pattern says how many go of each group, and nothing is shared out."""
    return not (":" in share and "sensitivity" in way)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table, each model's original first."""
    lines = ["| model | zeros | way | metric | SQNR, dB | bytes | CPU s |", "| --- " * 7 + "|"]
    models, order = list(dict.fromkeys(r["model"] for r in rows)), ["original", *WAYS, PEER]
    for r in sorted(rows, key=lambda r: (models.index(r["model"]), ["", *SHARES].index(r["share"]), order.index(r["way"]))):
        share = r["share"]
        share = f"{float(share):.0%}" if share and ":" not in share else share
        head = f"| {r['model']} | {share} | {r['way']} | "
        if "metric" not in r:
            lines.append(head + f"{r['failed']} | | | |")
            continue
        sqnr = "" if r["sqnr"] is None else f"{r['sqnr']:.1f}"
        lines.append(head + f"{r['metric']:.4f} | {sqnr} | {r['bytes']:,} | {r['seconds']:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--peer", default="", help="a Python with onnxsim")
    parser.add_argument("--shares", nargs="*", default=SHARES)
    parser.add_argument("--ways", nargs="*", default=list(WAYS))
    parser.add_argument("--only-table", action="store_true")
    given = parser.parse_args()
    kept, ways = Rows(RESULTS, "model", "share", "way"), (*given.ways, *((PEER,) if given.peer else ()))
    for folder in [] if given.only_table else [f.resolve() for f in given.folders]:
        for share, way in [("", "original"), *((s, w) for s in given.shares for w in ways if fits(s, w))]:
            kept.measure((folder.name, share, way), partial(row, folder, share, way, given.peer))
    kept.write(PAGE, table)


if __name__ == "__main__":
    main()
