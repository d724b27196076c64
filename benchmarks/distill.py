"""Distillation after closed-form recovery: python benchmarks/distill.py ZOO [--only NAME...] [--only-table].

ZOO holds a folder a model: model.onnx; calib_feeds.npz, unlabelled, or calib.npz; eval.py, whose `run(path)` returns a task metric, or a
labelled eval.npz. Each row is written as it is finished to RESULTS, and never measured twice; docs/benchmarks-distill.md is made of them.
CPU seconds are of the step's command with its child; memory is the most that the child took.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from prune_channels import MEASURE
from resumed import Rows

ROOT = Path(__file__).resolve().parent.parent
RESULTS, STUDENTS = ROOT / "build/distill.jsonl", ROOT / "build/students"
PAGE = ROOT / "docs/benchmarks-distill.md"
OBS = "prune:criterion=obs,scope=sensitivity,sparsity={}"
CASES: dict[str, tuple[str, str, str, int]] = {
    "fashion_cnn, half the channels": ("fashion_cnn", "prune-channels:channels=0.5,no_recover", "prune-channels:channels=0.5", 1000),
    "fashion-resnet, half the channels": ("fashion-resnet", "prune-channels:channels=0.5,no_recover", "prune-channels:channels=0.5", 1000),
    "fashion-resnet, 90 % zeros": ("fashion-resnet", "prune:scope=global,sparsity=0.9,no_recover", OBS.format(0.9), 300),
    "fashion-resnet, 95 % zeros": ("fashion-resnet", "prune:scope=global,sparsity=0.95,no_recover", OBS.format(0.95), 600),
    "fashion-resnet, ternary": ("fashion-resnet", "quantize:levels=3,method=nearest", "quantize:levels=3", 200),
    "fashion-resnet, 2 bits": ("fashion-resnet", "quantize:bits=2,method=nearest", "quantize:bits=2", 200),
    "captcha-crnn, 95 % zeros": ("captcha-crnn", "prune:scope=global,sparsity=0.95,no_recover", OBS.format(0.95), 150),
    "captcha-crnn, ternary": ("captcha-crnn", "quantize:levels=3,method=nearest", "quantize:levels=3", 150),
    "captcha-crnn, 2 bits": ("captcha-crnn", "quantize:bits=2,method=nearest", "quantize:bits=2", 150),
    "ppocrv4-rec, 75 % zeros": ("ppocrv4-rec", "prune:scope=global,sparsity=0.75,no_recover", OBS.format(0.75), 150),
    "ppocrv4-rec, 3 bits": ("ppocrv4-rec", "quantize:bits=3,method=nearest", "quantize:bits=3", 150),
    "minilm-stsb, 25 % fewer parameters": ("minilm-stsb", "prune-channels:ratio=0.25,no_recover", "prune-channels:ratio=0.25", 20),
}
"""Model, what takes something away, the same with closed-form recovery, and steps."""
HELD = re.compile(r"held back: (\S+) -> (\S+) in ([\d,]+) steps, rate (\S+?)[;,].*?([\d,]+) MB")


def lwc(*words: str) -> tuple[str, float]:
    """Run a command. Returns: what it said, and the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "lightweight_cli", *words], capture_output=True, text=True,
                          env={**os.environ, "COLUMNS": "400"})
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["failed"])[-1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stderr, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def metric(folder: Path, path: Path) -> float:
    """Return the task metric of a model."""
    code = MEASURE.partition("a, b, ratios")[0] + 'print(json.dumps({"metric": metric}))'
    done = subprocess.run([sys.executable, "-c", code, str(folder), str(path)], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["metric"])


def row(folder: Path, case: str, way: str) -> dict[str, Any]:
    """Make one student, or train it. Returns: the figures."""
    found: dict[str, Any] = {"case": case, "way": way}
    _, plain, recovered, steps = CASES[case]
    model, data = folder / "model.onnx", next(p for p in (folder / "calib_feeds.npz", folder / "calib.npz") if p.exists())
    if way == "original":
        return {**found, "metric": metric(folder, model), "bytes": model.stat().st_size}
    name = re.sub(r"\W+", "-", case)
    student, target = STUDENTS / f"{name}.onnx", STUDENTS / f"{name}.{way.replace(' ', '-')}.onnx"
    STUDENTS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    common = ("--calibrate", str(data), "--no-check", "-f")
    try:
        if way == "distilled":
            both = ("-p", recovered, "-p", f"distill:steps={steps}")
            said, cpu = lwc("run", str(model), *both, *common, "-o", str(target))
            first, best, done, rate, memory = HELD.search(" ".join(said.split())).groups()  # type: ignore[union-attr]
            found |= {"first": float(first), "best": float(best), "steps": int(done.replace(",", "")), "rate": float(rate),
                      "memory": int(memory.replace(",", ""))}
        else:
            target = student if way == "closed form" else target
            _, cpu = lwc("run", str(model), "-p", plain if way == "taken away" else recovered, *common, "-q", "-o", str(target))
    except (RuntimeError, AttributeError) as e:
        return {**found, "failed": str(e)[:160]}
    return {**found, "metric": metric(folder, target), "bytes": target.stat().st_size, "cpu": cpu, "seconds": time.monotonic() - began}


def table(rows: list[dict[str, Any]]) -> str:
    """Return a line a case."""
    heads = "| | original | taken away | closed form | distilled | points lost | bytes | steps | CPU s | a step | memory |"
    lines = [heads, "| --- " * 11 + "|"]
    for case in CASES:
        of = {r["way"]: r for r in rows if r["case"] == case}
        if "original" not in of:
            continue
        figures = [f"{of[w]['metric']:.4f}" if "metric" in of.get(w, {}) else of.get(w, {}).get("failed", "")
                   for w in ("original", "taken away", "closed form", "distilled")]
        last, done = ["", "", "", "", "", ""], of.get("distilled", {})
        if "metric" in done:
            last = [f"{100 * (of['original']['metric'] - done['metric']):.1f}", f"{of['original']['bytes']:,} -> {done['bytes']:,}",
                    f"{done['steps']:,}", f"{done['cpu']:.0f}", f"{done['cpu'] / done['steps']:.2f}", f"{done['memory']:,} MB"]
        lines.append("| " + " | ".join([case, *figures, *last]) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zoo", nargs="?", type=Path)
    parser.add_argument("--only", nargs="*", default=list(CASES))
    parser.add_argument("--only-table", action="store_true")
    given = parser.parse_args()
    kept = Rows(RESULTS, "case", "way")
    for case in [] if given.only_table else given.only:
        here = ROOT / "sample_models" / CASES[case][0]
        folder = here if here.exists() else given.zoo.resolve() / CASES[case][0]
        for way in ("original", "taken away", "closed form", "distilled"):
            kept.measure((case, way), partial(row, folder, case, way))
    kept.write(PAGE, table)


if __name__ == "__main__":
    main()
