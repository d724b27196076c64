"""lwc's verdict without data against what labels say: python benchmarks/verdicts.py FOLDER... [--only-page].

A folder holds model.onnx and eval.py, as for quantization.py. Each recipe runs without data; the verdict is taken from its report, and the
drop from eval.py on labelled rows that lwc never saw. A row is written to RESULTS as soon as it is measured and not measured twice.
The tables of docs/verdicts.md are made of the rows; what stands above them is kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from quantization import STEPS
from resumed import Rows

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/verdicts"
RESULTS = BUILD / "rows.jsonl"
PAGE = ROOT / "docs/verdicts.md"
RECIPES = {
    "8 bits": ("quantize", "--bits", "8"),
    **{f"{b} bits, nearest": ("quantize", "--bits", b, "--method", "nearest") for b in "432"},
    "prune .5": ("prune", "--sparsity", "0.5"),
    "prune .8": ("prune", "--sparsity", "0.8"),
    **{f"{b} bits": ("quantize", "--bits", b) for b in "432"},
}
HARM = 2.0
"""Points: a drop above it is a loss."""
GOOD, UNKNOWN, BAD = "no sign of damage", "can't tell without data", "expect a loss"
LIMIT = 300
"""Seconds for one recipe."""


def judged(folder: Path, file: Path) -> dict[str, Any]:
    """Return the task metric and the smallest SQNR on real rows."""
    words = [sys.executable, str(ROOT / "benchmarks/quantization_judge.py"), str(folder), str(file), str(STEPS.get(folder.name, 1))]
    told = subprocess.run([*words, str(BUILD / f"{folder.name}.npz")], capture_output=True, text=True)
    if told.returncode:
        return {"failed": (told.stderr.strip().splitlines() or ["crash"])[-1][:120]}
    return dict(json.loads(told.stdout.splitlines()[-1]))


def row(folder: Path, recipe: str) -> dict[str, Any]:
    """Run one recipe on one model without data. Returns: verdict, kinds, metric."""
    found: dict[str, Any] = {"model": folder.name, "recipe": recipe}
    model = folder / "model.onnx"
    if recipe == "original":
        return found | judged(folder, model)
    with tempfile.TemporaryDirectory() as place:
        target, report = Path(place) / "small.onnx", Path(place) / "report.json"
        words = [sys.executable, "-m", "lightweight_cli", *RECIPES[recipe], str(model), "-q", "-o", str(target), "--report", str(report)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return found | {"failed": f"not done after {LIMIT} s"}
        if done.returncode or not target.exists():
            return found | {"failed": (done.stderr.strip().splitlines() or ["no result"])[-1][:120]}
        accuracy = json.loads(report.read_text())["accuracy"]
        kinds = {k["name"]: [k["sqnr"], k["centred"], k["varying"]] for k in accuracy["kinds"]}
        return found | {"verdict": accuracy["verdict"], "kinds": kinds} | judged(folder, target)


def right(verdict: str, lost: float) -> bool | None:
    """Whether a verdict was right; None where it said nothing."""
    return None if verdict == UNKNOWN else (lost <= HARM) == (verdict == GOOD)


def tables(rows: list[dict[str, Any]]) -> str:
    """Return the counts, and each pair with its drop in points."""
    whole = {r["model"]: r["metric"] for r in rows if r["recipe"] == "original"}
    order = [m for m in whole if any(r["model"] == m and r["recipe"] != "original" for r in rows)]
    told = [r | {"lost": 100 * (whole[r["model"]] - r["metric"])} for r in rows if r.get("verdict") and "metric" in r]
    words = [right(r["verdict"], r["lost"]) for r in told]
    text = [f"{len(told)} pairs of {len(order)} models. "
            f"A verdict was given on {sum(w is not None for w in words)}: {words.count(True)} right, "
            f"{words.count(False)} wrong.", "", f"| verdict | pairs | lost at most {HARM:.0f} points | lost more | largest loss, points |",
            "| --- | ---: | ---: | ---: | ---: |"]
    for verdict in (GOOD, UNKNOWN, BAD):
        lost = [r["lost"] for r in told if r["verdict"] == verdict]
        kept = sum(x <= HARM for x in lost)
        text.append(f"| {verdict} | {len(lost)} | {kept} | {len(lost) - kept} | {max(lost, default=0):.1f} |")
    text += ["", "| model | recipe | dB by kind, least and most | dB on real rows | points lost | verdict | right |",
             "| --- | --- | ---: | ---: | ---: | --- | --- |"]
    for r in sorted(told, key=lambda r: (order.index(r["model"]), list(RECIPES).index(r["recipe"]))):
        figures = [k[0] for name, k in r["kinds"].items() if k[0] is not None]
        shown = f"{min(figures):.1f} to {max(figures):.1f}" if figures else ""
        real = "" if r["sqnr"] is None else f"{r['sqnr']:.1f}"
        mark = {True: "yes", False: "**no**", None: ""}[right(r["verdict"], r["lost"])]
        text.append(f"| {r['model']} | {r['recipe']} | {shown} | {real} | {r['lost']:.1f} | {r['verdict']} | {mark} |")
    left = [f"{r['model']}, {r['recipe']}: {r['failed']}" for r in rows if "failed" in r]
    left += [f"{r['model']}, {r['recipe']}: nothing differs" for r in rows if r.get("verdict", "") is None and "failed" not in r]
    return "\n".join(text + (["", "No pair: " + "; ".join(left) + "."] if left else [])) + "\n"


def main() -> None:
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--only-page", action="store_true")
    given = parser.parse_args()
    kept = Rows(RESULTS, "model", "recipe")
    for folder in [] if given.only_page else [f.resolve() for f in given.folders]:
        for recipe in ("original", *RECIPES):
            kept.measure((folder.name, recipe), partial(row, folder, recipe))
    kept.write(PAGE, tables)


if __name__ == "__main__":
    main()
