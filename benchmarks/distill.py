"""Distillation after closed-form recovery: PYTHONPATH=. python benchmarks/distill.py ZOO [--only NAME...] [--only-table].

ZOO holds a folder a model: model.onnx; calib_feeds.npz, unlabelled, or calib.npz; eval.py, whose `run(path)` returns a task metric, or a
labelled eval.npz. Each row is written as it is finished to RESULTS, and never measured twice; docs/benchmarks-distill.md is made of them.
CPU seconds are of the step's command with its child; memory is the most that the child took.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from prune_channels import MEASURE
from resumed import Rows

from sample_models.fetch import fetch_fashion_mnist

ROOT = Path(__file__).resolve().parent.parent
RESULTS, STUDENTS = ROOT / "build/distill.jsonl", ROOT / "build/students"
PAGE = ROOT / "docs/benchmarks-distill.md"
OBS = "prune:criterion=obs,scope=sensitivity,sparsity={}"
GLOBAL = "prune:scope=global,sparsity={},no_recover"


class Case(NamedTuple):
    """What is taken away from a model, and how it learns again."""

    model: str
    plain: str
    """Without any recovery."""
    steps: int
    recovered: str = ""
    """With lwc's own, in closed form; "": the recipe has none."""
    rounds: tuple[str, ...] = ()
    """Steps instead of the recovered one."""
    images: int = 0
    """From the training set of Fashion-MNIST, unlabelled; 0: the model's own calibration inputs."""
    sentences: int = 0
    """Of STS-B at most, unlabelled, of pairs that eval.py does not judge."""


CHANNELS = ("prune-channels:channels=0.5,no_recover", 1000, "student:width=0.5")
ROUNDS = (OBS.format(0.85), "distill:steps=1000,learning_rate=0.005", OBS.format(0.92), "distill:steps=1500,learning_rate=0.005",
          OBS.format(0.95))
TERNARY, TWO_BITS, THREE_BITS = (("quantize:levels=3,method=nearest", "quantize:levels=3"),
                                 *((f"quantize:bits={n},method=nearest", f"quantize:bits={n}") for n in (2, 3)))
CASES: dict[str, Case] = {
    "fashion_cnn, half the channels": Case("fashion_cnn", *CHANNELS),
    "fashion_cnn, half the channels, 5,000 images": Case("fashion_cnn", *CHANNELS, images=5000),
    "fashion_cnn, half the channels, 20,000 images": Case("fashion_cnn", CHANNELS[0], 2500, CHANNELS[2], images=20000),
    "fashion-resnet, half the channels": Case("fashion-resnet", *CHANNELS),
    "fashion-resnet, 90 % zeros": Case("fashion-resnet", GLOBAL.format(0.9), 300, OBS.format(0.9)),
    "fashion-resnet, 95 % zeros": Case("fashion-resnet", GLOBAL.format(0.95), 600, OBS.format(0.95)),
    "fashion-resnet, 95 % zeros in rounds, 20,000 images": Case("fashion-resnet", GLOBAL.format(0.95), 6000, rounds=ROUNDS, images=20000),
    "fashion-resnet, ternary": Case("fashion-resnet", TERNARY[0], 200, TERNARY[1]),
    "fashion-resnet, 2 bits": Case("fashion-resnet", TWO_BITS[0], 200, TWO_BITS[1]),
    "captcha-crnn, 90 % zeros": Case("captcha-crnn", GLOBAL.format(0.9), 150, OBS.format(0.9)),
    "captcha-crnn, ternary": Case("captcha-crnn", TERNARY[0], 150, TERNARY[1]),
    "captcha-crnn, 2 bits": Case("captcha-crnn", TWO_BITS[0], 150, TWO_BITS[1]),
    "ppocrv4-rec, 75 % zeros": Case("ppocrv4-rec", GLOBAL.format(0.75), 150, OBS.format(0.75)),
    "ppocrv4-rec, 3 bits": Case("ppocrv4-rec", THREE_BITS[0], 150, THREE_BITS[1]),
    "ppocrv4-rec, 2 bits": Case("ppocrv4-rec", TWO_BITS[0], 150, TWO_BITS[1]),
    "minilm-stsb, a quarter of the parameters": Case("minilm-stsb", "prune-channels:ratio=0.25,no_recover", 60,
                                                     "prune-channels:ratio=0.25"),
    "minilm-stsb, a quarter of the parameters, 1,500 sentences": Case("minilm-stsb", "prune-channels:ratio=0.25,no_recover", 200,
                                                                      "prune-channels:ratio=0.25", sentences=1500),
    "minilm-stsb, a quarter of the blocks": Case("minilm-stsb", "prune-channels:depth=0.25,no_recover", 60, "student:depth=0.75"),
    "minilm-stsb, half of the blocks, 1,500 sentences": Case("minilm-stsb", "prune-channels:depth=0.5,no_recover", 200, "student:depth=0.5",
                                                             sentences=1500),
}
JUDGED = 500
"""Pairs of STS-B that eval.py judges, the first."""
WAYS = ("original", "taken away", "closed form", "distilled")
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


def inputs(folder: Path, images: int, count: int) -> Path:
    """Return the data that a model learns from: its own, or so many images or sentences, as its own are."""
    own = next(p for p in (folder / "calib_feeds.npz", folder / "calib.npz") if p.exists())
    if count:
        return sentences(folder, own, count)
    if not images:
        return own
    name, like = next(iter(np.load(own).items()))
    packed = gzip.decompress((fetch_fashion_mnist(ROOT / "build/data") / "train-images-idx3-ubyte.gz").read_bytes())
    chosen = np.frombuffer(packed, np.uint8, offset=16).reshape(-1, 1, 28, 28)[-images:]
    path = STUDENTS / f"{folder.name}-{images}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: chosen if like.dtype == np.uint8 else (chosen / 255).astype(np.float32)})
    return path


def sentences(folder: Path, own: Path, count: int) -> Path:
    """Return a file of sentences behind the JUDGED pairs of inputs.npz, none of which is among these, as long as those of `own`."""
    pairs, width = np.load(folder / "inputs.npz"), np.load(own)["input_ids"].shape[1]
    judged = {row.tobytes() for side in ("ids1", "ids2") for row in pairs[side][:JUDGED]}
    others = np.unique(np.concatenate([pairs[side][JUDGED:] for side in ("ids1", "ids2")]), axis=0)
    fit = np.array([row.tobytes() not in judged and not row[width:].any() for row in others])
    ids = np.random.default_rng(0).permutation(others[fit])[:count, :width].astype(np.int64)
    path = STUDENTS / f"{folder.name}-{count}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, input_ids=ids, attention_mask=(ids != 0).astype(np.int64), token_type_ids=np.zeros_like(ids))
    return path


def row(folder: Path, case: str, way: str) -> dict[str, Any]:
    """Make one student, or train it. Returns: the figures."""
    found: dict[str, Any] = {"case": case, "way": way}
    given = CASES[case]
    model, data = folder / "model.onnx", inputs(folder, given.images, given.sentences)
    if way == "original":
        return {**found, "metric": metric(folder, model), "bytes": model.stat().st_size}
    name = re.sub(r"\W+", "-", case)
    student, target = STUDENTS / f"{name}.onnx", STUDENTS / f"{name}.{way.replace(' ', '-')}.onnx"
    STUDENTS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    common = ("--calibrate", str(data), "--no-check", "-f")
    try:
        if way == "distilled":
            steps = (*(given.rounds or (given.recovered,)), f"distill:steps={given.steps}")
            said, cpu = lwc("run", str(model), *(w for step in steps for w in ("-p", step)), *common, "-o", str(target))
            told = HELD.findall(" ".join(said.split()))
            found |= {"first": float(told[0][0]), "best": float(told[-1][1]), "steps": sum(int(t[2].replace(",", "")) for t in told),
                      "rate": float(told[-1][3]), "memory": max(int(t[4].replace(",", "")) for t in told)}
        else:
            target = student if way == "closed form" else target
            _, cpu = lwc("run", str(model), "-p", given.plain if way == "taken away" else given.recovered, *common, "-q", "-o", str(target))
    except (RuntimeError, IndexError) as e:
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
                   for w in WAYS]
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
        here = ROOT / "sample_models" / CASES[case].model
        folder = here if here.exists() else given.zoo.resolve() / CASES[case].model
        for way in WAYS if CASES[case].recovered else WAYS[:2] + WAYS[3:]:
            kept.measure((case, way), partial(row, folder, case, way))
    kept.write(PAGE, table)


if __name__ == "__main__":
    main()
