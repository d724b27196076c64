"""Structured pruning, and onnxsim's: python benchmarks/prune_channels.py FOLDER... [--peer PYTHON] [--only-table].

A folder holds model.onnx; calib_feeds.npz or calib.npz, unlabelled; and eval.py, whose `run(path)` returns a task metric and
whose `feeds()` are its inputs, or a labelled eval.npz. PYTHON has onnxsim. Each row is written as it is finished to RESULTS, and never
measured twice;
docs/pruning.md is made of them. Seconds are of the whole command by the clock. Latency: the median of paired runs in turn, one thread,
in processor time, relative to the original's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from resumed import Rows

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build/prune_channels.jsonl"
PAGE = ROOT / "docs/pruning.md"
SHARES = (0.25, 0.5)
LIMIT = 900
"""Seconds for one way on one model."""
BLOCKS = "lwc, blocks"
"""The way that takes the share of residual blocks instead of channels."""
LWC = {
    "lwc, not recovered": ("--importance", "l1", "--no-recover"),
    "lwc, without data": ("--importance", "l1"),
    "lwc, l1": ("--importance", "l1", "--calibrate", "{data}"),
    "lwc": ("--calibrate", "{data}"),
    BLOCKS: ("--calibrate", "{data}"),
}
PEERS = ("onnxsim", "onnxsim, ridge", "onnxsim, fine-tuning")
FINE_TUNING = """
import sys, numpy as np, onnx, onnxsim
way, source, target, data, share = sys.argv[1:6]
stored = {k: v for k, v in np.load(data).items() if k not in ("labels", "label", "y")}
model = onnx.load(source)
whole = {v.name: v for v in model.graph.input}
dtype = {n: onnx.helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type) for n, v in whole.items()}
first = {n: (d[0].dim_value if (d := v.type.tensor_type.shape.dim) else 0) for n, v in whole.items() if n in stored}
size = min((f for f in first.values() if f), default=16)
count = len(next(iter(stored.values())))
batches = [{n: a[i : i + size].astype(dtype[n]) for n, a in stored.items()} for i in range(0, min(count, 512) - size + 1, size)]
from onnxsim import pruning
made = pruning.apply_structured_pruning(model, sparsity=float(share))
try:
    made = pruning.apply_attention_head_pruning(made, sparsity=float(share))
except Exception as e:
    print("heads:", e, file=sys.stderr)
if way == "onnxsim, ridge":
    from onnxsim.finetune import apply_pruning_finetune
    made = apply_pruning_finetune(model, made, calibration_data=batches)
elif way == "onnxsim, fine-tuning":
    from onnxsim.qat import apply_block_finetune_all_blocks
    made, _ = apply_block_finetune_all_blocks(model, made, calibration_data=batches)
onnx.save(made, target)
"""
MEASURE = """
import sys, os, json, time, statistics, numpy as np, onnxruntime as ort
folder, path = sys.argv[1:3]
def opened(p):
    o = ort.SessionOptions(); o.intra_op_num_threads = 1; o.log_severity_level = 4
    return ort.InferenceSession(p, o, providers=["CPUExecutionProvider"])
if os.path.exists(folder + "/eval.py"):
    os.chdir(folder); sys.path.insert(0, folder); import eval as task
    found = task.run(path); found = found[0] if isinstance(found, tuple) else found
    metric, feed = found["value"], next(iter(task.feeds()))
else:
    z = np.load(folder + "/eval.npz"); s = opened(path); i = s.get_inputs()[0]
    x = z[i.name].astype(np.float32)
    metric, feed = float((s.run(None, {i.name: x})[0].argmax(1) == z["labels"]).mean()), {i.name: x[:16]}
a, b, ratios = opened(folder + "/model.onnx"), opened(path), []
for s in (a, b): s.run(None, feed)
began = time.monotonic()
while time.monotonic() - began < 6 or len(ratios) < 5:
    spent = []
    for s in (a, b):
        t = time.process_time(); n = 0
        while time.process_time() - t < .02: s.run(None, feed); n += 1
        spent.append((time.process_time() - t) / n)
    ratios.append(spent[1] / spent[0])
print(json.dumps({"metric": metric, "latency": statistics.median(ratios)}))
"""


def figures(folder: Path, path: Path) -> dict[str, Any]:
    """Return parameters, MACs, bytes, metric and latency of a model."""
    words = [sys.executable, "-m", "lightweight_cli", "inspect", str(path), "--json", "--deep"]
    told = subprocess.run(words, capture_output=True, check=True)
    document = json.loads(told.stdout)
    done = subprocess.run([sys.executable, "-c", MEASURE, str(folder), str(path)], capture_output=True, text=True)
    measured = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"failed": done.stderr.strip().splitlines()[-1][:120]}
    return {"parameters": document["parameters"], "macs": document["macs"]["total"], "bytes": path.stat().st_size, **measured}


def row(folder: Path, share: float, way: str, peer: str) -> dict[str, Any]:
    """Prune one model in one way. Returns: the figures."""
    found: dict[str, Any] = {"model": folder.name, "share": share, "way": way}
    model = folder / "model.onnx"
    if way == "original":
        return {**found, **figures(folder, model), "seconds": 0}
    data = next(p for p in (folder / "calib_feeds.npz", folder / "calib.npz") if p.exists())
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / "small.onnx"
        words = [peer, "-c", FINE_TUNING, way, str(model), str(target), str(data), str(share)]
        if way in LWC:
            options = [w.format(data=data) for w in LWC[way]]
            words = [sys.executable, "-m", "lightweight_cli", "prune-channels", str(model), "--depth" if way == BLOCKS else "--channels",
                     str(share), *options, "-q",
                     "--no-check", "-o", str(target)]
            if way == "lwc, without data":
                words.remove("--no-check")
        began = time.monotonic()
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return {**found, "failed": f"not done after {LIMIT} s"}
        if done.returncode or not target.exists():
            return {**found, "failed": (done.stderr.strip().splitlines() or ["no result"])[-1][:120]}
        return {**found, "seconds": time.monotonic() - began, **figures(folder, target)}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table, each beside its original."""
    lines = ["| model | channels or blocks | way | parameters | MACs | latency | metric | seconds |", "| --- " * 8 + "|"]
    originals = {r["model"]: r for r in rows if r["way"] == "original"}
    order = ["original", *LWC, *PEERS]
    for r in sorted(rows, key=lambda r: (list(originals).index(r["model"]), r["share"], order.index(r["way"]))):
        share = "" if r["way"] == "original" else f"-{r['share']:.0%}"
        if "parameters" not in r:
            lines.append(f"| {r['model']} | {share} | {r['way']} | {r['failed']} | | | | |")
            continue
        whole = originals[r["model"]]
        change = [f"{r[k]:,}" if r is whole else f"{r[k] / whole[k] - 1:+.0%}" for k in ("parameters", "macs")]
        last = [f"{r['latency']:.2f}x", f"{r['metric']:.4f}", f"{r['seconds']:.0f}"] if "metric" in r else [r["failed"], "", ""]
        lines.append("| " + " | ".join([r["model"], share, r["way"], *change, *last]) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--peer", default="", help="a Python with onnxsim")
    parser.add_argument("--shares", nargs="*", type=float, default=SHARES)
    parser.add_argument("--ways", nargs="*", help="those of lwc, and with --peer those of onnxsim, unless some are named")
    parser.add_argument("--only-table", action="store_true")
    given = parser.parse_args()
    kept = Rows(RESULTS, "model", "share", "way")
    chosen = (*LWC, *(PEERS if given.peer else ())) if given.ways is None else given.ways
    ways = [(0.0, "original"), *((s, w) for s in given.shares for w in chosen)]
    for folder in [] if given.only_table else [f.resolve() for f in given.folders]:
        for share, way in ways:
            kept.measure((folder.name, share, way), partial(row, folder, share, way, given.peer))
    kept.write(PAGE, table)


if __name__ == "__main__":
    main()
