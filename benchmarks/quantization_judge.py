"""Task metric and SQNR of one file on the labelled rows of a zoo folder: python benchmarks/quantization_judge.py FOLDER FILE STEP STORE.

Every STEP-th labelled row judges, the same rows for every tool. The original's outputs are kept in STORE. Prints JSON: metric, its name,
rows, and the smallest SQNR of a float output in dB, with null where outputs are equal. One thread.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

ROWS = ("X", "A", "IDS", "Y")
"""What eval.py calls its inputs and labels."""


def outputs(path: str, feeds: Any) -> list[list[Any]]:
    """Run a model on all feeds."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return [session.run(None, feed) for feed in feeds]


def main(folder: str, path: str, step: int, store: str) -> None:
    """Judge one file and print what was found."""
    import numpy as np

    sys.path[0] = folder
    import eval as task  # type: ignore[import-not-found]

    for name in ROWS:
        if step > 1 and hasattr(task, name):
            setattr(task, name, getattr(task, name)[::step])
    if hasattr(task, "N"):
        task.N = len(task.Y)
    kept = Path(store)
    if kept.exists():
        with np.load(kept) as held:
            old = [[held[f"{i}.{k}"] for k in range(int(held["outputs"]))] for i in range(int(held["batches"]))]
    else:
        old = outputs(os.path.join(folder, "model.onnx"), task.feeds())
        arrays = {f"{i}.{k}": array for i, batch in enumerate(old) for k, array in enumerate(batch)}
        with open(store + ".part", "wb") as file:  # a run may be stopped
            np.savez(file, outputs=len(old[0]), batches=len(old), **arrays)
        os.replace(store + ".part", store)
    new = outputs(path, task.feeds())
    ratios = []
    for a, b in zip(zip(*old, strict=True), zip(*new, strict=True), strict=True):
        if a[0].dtype.kind == "f":
            noise = sum(float(np.square(x.astype(np.float64) - y).sum()) for x, y in zip(a, b, strict=True))
            power = sum(float(np.square(x, dtype=np.float64).sum()) for x in a)
            ratios.append(10 * np.log10(power / noise) if noise > 0 else float("nan") if noise != noise else np.inf)
    worst = min(ratios) if not any(r != r for r in ratios) else float("nan")
    found = task.run(path, threads=1)[0] if hasattr(task, "feeds_with") else task.metric(new)  # a state runs along: a run of its own
    if worst != worst:
        sys.exit("outputs are not finite")
    sqnr = None if worst == np.inf else round(worst, 2)
    print(json.dumps({"metric": found["value"], "of": found["metric"], "rows": found["n"], "sqnr": sqnr}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
