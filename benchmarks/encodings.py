"""What each storage encoding costs: bytes, encoding speed, load time and memory, steady latency; whether it is folded.

    python benchmarks/encodings.py [--rows 2048] [--json docs/encodings.json] [WORD...]

One weight [rows, rows] a case; loads run in processes of their own, in turns with float32. Memory is the growth of the
peak while the session is created, which the kernel reports; the model of it (`LOAD` of each layout) is printed beside.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from encoding_cases import Case, cases, decoded, emission, write

from lightweight_cli.runtime import load_cost

ROUNDS = 3
LATENCY_ROUNDS, LATENCY_ROWS, TURN = 40, 1024, 10
MIB = 1 << 20
LEVELS = {"basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL}


def session(path: str | bytes, level: str = "all", optimised: str = "") -> ort.InferenceSession:
    """Open a model on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = LEVELS[level]
    options.optimized_model_filepath = optimised
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def load(path: str) -> None:
    """Print seconds of CPU and bytes of peak memory that opening a model takes; runs in a process of its own."""
    session(load_cost.NOTHING)  # onnxruntime's own code and pools come into memory with the first model
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts at what is resident now
    before, started = status("VmRSS"), time.process_time()
    opened = session(path)
    print(json.dumps({"cpu": time.process_time() - started, "peak": status("VmHWM") - before, "inputs": len(opened.get_inputs())}))


def status(field: str) -> int:
    """Return a number of bytes that the kernel knows of this process."""
    line = next(li for li in Path("/proc/self/status").read_text().splitlines() if li.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def loads(path: str, plain: str) -> tuple[dict[str, float], float]:
    """Return the median load of a model, and the ratio of its CPU time to that of the plain one, in turns."""
    found: list[tuple[dict[str, float], dict[str, float]]] = []
    for _ in range(ROUNDS):
        pair = [
            json.loads(subprocess.run([sys.executable, __file__, "--load", p], check=True, capture_output=True).stdout)
            for p in (path, plain)
        ]
        found.append((pair[0], pair[1]))
    middle = {key: statistics.median(mine[key] for mine, _ in found) for key in ("cpu", "peak")}
    return middle, statistics.median(mine["cpu"] / theirs["cpu"] for mine, theirs in found)


def latency(path: str, plain: str, level: str, rows: int) -> float:
    """Return the median ratio of run times to the plain model, in turns; of a turn, the fastest run counts."""
    pair = [session(p, level) for p in (path, plain)]
    x = np.random.default_rng(0).standard_normal((1, rows)).astype(np.float32)
    times: list[list[float]] = [[], []]
    for _ in range(LATENCY_ROUNDS):
        for i, opened in enumerate(pair):
            turn = []
            for _ in range(TURN):
                started = time.perf_counter()
                opened.run(None, {"x": x})
                turn.append(time.perf_counter() - started)
            times[i].append(min(turn))
    return statistics.median(a / b for a, b in zip(*times, strict=True))


def folded(path: str, level: str, folder: str, expected: np.ndarray) -> bool:
    """Whether the optimised model holds nothing but the operator and the weight, to the bit."""
    target = f"{folder}/optimised.onnx"
    session(path, level, target)
    model = onnx.load(target)
    weights = [onnx.numpy_helper.to_array(t) for t in model.graph.initializer if list(t.dims) == list(expected.shape)]
    return [n.op_type for n in model.graph.node] == ["MatMul"] and len(weights) == 1 and weights[0].tobytes() == expected.tobytes()


def measured(case: Case, rows: int, folder: str, plain: str, small: str) -> dict[str, Any]:
    """Return one row of the table."""
    values, count = case.make(rows), rows * rows
    started = time.process_time()
    stored = emission(case, values)
    path = f"{folder}/model.onnx"
    nbytes = write(case, stored, rows, path)
    encoding = time.process_time() - started
    cost, ratio = loads(path, plain)
    few = case.make(LATENCY_ROWS)
    write(case, emission(case, few), LATENCY_ROWS, path)
    return {
        "case": case.name,
        "label": case.label,
        "opset": case.opset,
        "bits": 8 * nbytes / count,
        "nodes": len(stored.nodes),
        "encode_mb_per_s": 4 * count / 1e6 / encoding,
        "load_cpu_ns": cost["cpu"] / count * 1e9,
        "load_cpu_ratio": ratio,
        "load_bytes": cost["peak"] / count,
        "modelled_bytes": stored.load_bytes / count,
        "modelled_ns": stored.load_ns / count,
        "latency": {level: latency(path, small, level, LATENCY_ROWS) for level in LEVELS},
        "folded": {level: folded(path, level, folder, decoded(few)) for level in LEVELS},
    }


def line(row: dict[str, Any]) -> str:
    """Return a row of figures for people."""
    return (
        f"{row['case']:32} {row['bits']:6.2f} {row['encode_mb_per_s']:11.0f} {row['load_cpu_ns']:10.1f}"
        f" {row['load_cpu_ratio']:7.2f} {row['load_bytes']:8.1f} {row['modelled_bytes']:8.1f}"
        f" {row['latency']['basic']:14.2f} {row['latency']['all']:.2f}  {row['folded']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only cases with one of these in their name")
    given = parser.parse_args()
    if given.load:
        load(given.load)
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        plain, small = f"{folder}/plain.onnx", f"{folder}/small.onnx"
        for path, count in ((plain, given.rows), (small, LATENCY_ROWS)):
            write(cases()[0], emission(cases()[0], cases()[0].make(count)), count, path)
        print(f"{'':32} bits/w encode MB/s  load ns/w  x fp32  bytes/w modelled  latency basic all  folded")
        for case in cases():
            if not given.words or any(word in case.name for word in given.words):
                row = measured(case, given.rows, folder, plain, small)
                rows.append(row)
                print(line(row), flush=True)
    if given.json:
        versions = {"onnxruntime": ort.__version__, "onnx": onnx.__version__, "machine": platform.machine(), "rows": given.rows}
        given.json.write_text(json.dumps({**versions, "cases": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
