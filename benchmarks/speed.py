"""How fast, small and right models are in integers.

python benchmarks/speed.py [--peers PYTHON] [--forms float,speed,memory,size] [--again] ZOO OUT.json [MODEL...]

ZOO holds a folder a model, with model.onnx, calib_feeds.npz and eval.py, which prints a metric as JSON for a model file. For each model
lwc makes one file for size, one for speed and one for memory. Times are processor times of paired runs in turns, medians; more than 1 is
faster than the float model. Load and memory are by lwc's own measurement, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import computing_forms
import numpy as np

from lightweight_cli.runtime import load_cost
from lightweight_cli.runtime.sessions import open_session

ROUNDS, SECONDS = 15, 6.0
"""Paired rounds, or fewer where they take longer."""
TURN = 0.02
"""Seconds of a turn: faster models run several times."""
PEERS = ("ort_dynamic", "ort_static", "sim_dynamic", "sim_static", "nncf_static")
"""Ways of speed_peers.py."""
LIMIT = 600
"""Seconds for one file of another tool."""
SETTINGS = ((1, 1), (1, 16), (2, 1), (2, 16))
"""Threads and batch."""


def paired(reference: str, candidate: str, feed: dict[str, Any], threads: int) -> float:
    """Return how many times faster the candidate is."""
    sessions = [open_session(path, threads=threads) for path in (reference, candidate)]
    times = []
    for session in sessions:
        session.run(None, feed)
        started = time.process_time()
        session.run(None, feed)
        times.append(time.process_time() - started)
    repeats, until, ratios = max(1, int(TURN / max(max(times), 1e-6))), time.monotonic() + SECONDS, []
    while len(ratios) < 3 or (len(ratios) < ROUNDS and time.monotonic() < until):
        took = []
        for session in sessions:
            started = time.process_time()
            for _ in range(repeats):
                session.run(None, feed)
            took.append(time.process_time() - started)
        ratios.append(took[0] / max(took[1], 1e-9))
    return round(float(np.median(ratios)), 2)


def measured(folder: Path, candidate: str) -> dict[str, Any]:
    """Return what is to be said of one file."""
    model, data = str(folder / "model.onnx"), np.load(folder / "calib_feeds.npz")
    found: dict[str, Any] = {"bytes": os.path.getsize(candidate)}
    for threads, batch in SETTINGS:
        try:
            found[f"{threads}x{batch}"] = paired(model, candidate, {n: data[n][:batch] for n in data.files}, threads)
        except Exception as e:  # a model with a fixed batch
            found[f"{threads}x{batch}"] = None
            print(f"  {threads} threads, batch {batch}: {str(e)[:80]}", file=sys.stderr)
    cost = load_cost.measure(model, candidate, threads=1, size=os.path.getsize(model) + os.path.getsize(candidate))
    if not isinstance(cost, str):
        load = cost.candidate
        found |= {"peak": load.peak_bytes, "resident": load.after_bytes, "load_ms": round(1e3 * load.cpu_s, 1)}
    if not (folder / "eval.py").exists():  # seeded weights have no task
        return found
    said = subprocess.run([sys.executable, str(folder / "eval.py"), candidate], capture_output=True, text=True)
    found["metric"] = json.loads(said.stdout.splitlines()[-1])["value"] if said.returncode == 0 and said.stdout else None
    return found


def by_peer(python: str, way: str, folder: Path, work: Path) -> str:
    """Let another tool make its file. Returns: why it did not, or nothing."""
    command = [python, str(Path(__file__).parent / "speed_peers.py"), way, str(folder / "model.onnx"), str(folder / "calib_feeds.npz"),
               str(work / f"{folder.name}.{way}.onnx")]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"not done after {LIMIT} s"
    return said.stderr.strip().splitlines()[-1][:120] if said.returncode else ""


def main() -> None:
    """Measure, and write what is known after each file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("zoo", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--peers", help="Python of an environment with peers-quantization.txt")
    parser.add_argument("--forms", default="float,speed,memory,size")
    parser.add_argument("--again", action="store_true", help="use files that are there from before")
    parser.add_argument("models", nargs="*")
    given = parser.parse_intermixed_args()
    rows: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    work = given.out.parent
    for name in given.models or sorted(p.name for p in given.zoo.iterdir() if (p / "calib_feeds.npz").exists()):
        folder, made = given.zoo / name, dict[str, str]()
        row = rows.setdefault(name, {})
        for form in filter(None, given.forms.split(",")):
            file = computing_forms.made(folder, form, work, anew=not given.again)
            if file is not None:
                made[form] = file
        for way in PEERS if given.peers else ():
            path = work / f"{name}.{way}.onnx"
            error = "" if given.again and path.exists() else by_peer(given.peers, way, folder, work)
            if error:
                row[way] = {"error": error}
            else:
                made[way] = str(path)
        for form, path in made.items():
            row[form] = measured(folder, path)
            print(name, form, row[form], flush=True)
            given.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
