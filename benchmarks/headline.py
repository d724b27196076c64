"""The first line of the README: a model from this repository, compressed to at most a point lost, judged on labelled rows never seen.

    python benchmarks/headline.py           prints the sentence; make headline
    python benchmarks/headline.py --write   puts it into the README

Half of the labelled rows are given to `lwc compress`, which selects by some of them and confirms by others; the calibration rows
are a third set. The other half is looked at once, when the file is written. `--confident` holds the budget at the upper end of the paired
interval: at the point estimate 500 rows allow a file of 1/19.4 that loses 1.2 points on the other 500, within their noise of .9.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "sample_models/fashion_cnn"
MAX_DROP = "0.01"
SEED = 0


def main() -> int:
    """Compress, verify, and say what came of it. Returns: the exit status."""
    with tempfile.TemporaryDirectory(prefix="lwc-") as name:
        folder = Path(name)
        rows = halves(folder)
        made = lwc("compress", MODEL / "model.onnx", "--calibrate", MODEL / "calib.npz", "--data", folder / "given.npz",
                   "--max-drop", MAX_DROP, "--confident", "-o", folder / "small.onnx")
        judged = lwc("verify", MODEL / "model.onnx", folder / "small.onnx", "--data", folder / "fresh.npz", "--check-time", "inf")
    metric = judged["accuracy"]["metric"]
    assert judged["accuracy"]["samples"] == rows
    sentence = said(made["ratio"], metric["reference"], metric["candidate"], rows)
    print(sentence)
    print(f"{made['bytes_before']:,} -> {made['bytes_after']:,} bytes in {made['seconds']:.0f} s; drop {metric['drop']:+.4f}, "
          f"95 % interval {metric['low']:+.4f} to {metric['high']:+.4f}")
    if "--write" in sys.argv:
        sys.path.insert(0, str(ROOT / "docs"))
        from generate import filled

        page = ROOT / "README.md"
        page.write_text(filled(page.read_text(), "headline", sentence))
    return 0


def said(ratio: float, before: float, after: float, rows: int) -> str:
    """Return the sentence."""
    return (f"**`lwc compress --confident` makes the sample classifier {ratio:.1f} times smaller: top-1 {before:.3f} before, "
            f"{after:.3f} after, on {rows} labelled images that it never saw.** (`make headline`)")


def halves(folder: Path) -> int:
    """Deal the labelled rows out to two files, drawn by the seed. Returns: the rows that compress never sees."""
    with np.load(MODEL / "eval.npz") as data:
        arrays = {name: data[name] for name in data.files}
    count = len(arrays["labels"])
    order = np.random.default_rng(SEED).permutation(count)
    for name, some in (("given", order[: count // 2]), ("fresh", order[count // 2 :])):
        np.savez(folder / f"{name}.npz", **{k: v[some] for k, v in arrays.items()})
    return count - count // 2


def lwc(*words: object) -> dict[str, Any]:
    """Run a command and return its report."""
    run = subprocess.run([sys.executable, "-m", "lightweight_cli", *map(str, words), "--report", "-", "-q"], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH") or str(ROOT)}, check=False)
    if run.returncode:
        raise SystemExit(run.stderr.strip() or f"lwc {words[0]}: exit status {run.returncode}")
    report: dict[str, Any] = json.loads(run.stdout)
    return report


if __name__ == "__main__":
    sys.exit(main())
