"""The memory that calibration takes, on few and on many samples: peak resident memory (VmHWM) of its process.

    python benchmarks/calibration_memory.py [--samples 64,1024] [--memory MIB] FOLDER...

Each FOLDER holds model.onnx and calib_feeds.npz, whose samples are repeated as often as asked for. Every figure is of a process of
its own; "walk" runs the original and the compressed model side by side, every weight rounded to 8 bits.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BATCH = 16
READER = """
import numpy as np

def feeds():
    arrays = dict(np.load({path!r}))
    have = len(next(iter(arrays.values())))
    for start in range(0, {samples}, {batch}):
        rows = [i % have for i in range(start, min(start + {batch}, {samples}))]
        yield {{name: array[rows] for name, array in arrays.items()}}
"""


def measure(folder: str, samples: int, memory: int, kind: str) -> None:
    """Calibrate in this process's child and print what that took."""
    from lightweight_cli.calibration.calibration import Calibration
    from lightweight_cli.data.portion import Portion
    from lightweight_cli.model.load import load
    from lightweight_cli.model.scopes import Scopes
    from lightweight_cli.weights.search import find_weights

    model = load(f"{folder}/model.onnx")
    weights = find_weights(model, Scopes(model.proto))
    with tempfile.TemporaryDirectory() as place:
        reader = Path(place) / "reader.py"
        reader.write_text(READER.format(path=str(Path(folder, "calib_feeds.npz").resolve()), samples=samples, batch=BATCH))
        calibration = Calibration(Portion((f"{reader}:feeds",)), memory=memory << 20, threads=1)
        start, layers = time.perf_counter(), 0
        for layer in (calibration.walk if kind == "walk" else calibration.statistics)(model, weights):
            layers += layer.statistics is not None
            if kind == "walk" and layer.statistics is not None:
                values = layer.weight.read(0, layer.weight.size).reshape(layer.weight.shape)
                step = max(float(np.abs(values).max()) / 127, 1e-9)
                layer.replace(np.round(values / step) * step)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps([layers, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime, time.perf_counter() - start]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--samples", default="64,1024")
    parser.add_argument("--memory", type=int, default=128, help="MiB that what grows with the samples may take")
    parser.add_argument("--kind", choices=("statistics", "walk"), default="statistics")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.folders[0], int(given.samples), given.memory, given.kind)
        return
    print("| model | samples | layers | peak MiB | CPU s | s |\n| --- | --- | --- | --- | --- | --- |")
    for folder in given.folders:
        for samples in given.samples.split(","):
            words = [sys.executable, __file__, folder, "--samples", samples, "--memory", str(given.memory), "--kind", given.kind, "--one"]
            layers, peak, cpu, wall = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            print(f"| {Path(folder).name} | {int(samples):,} | {layers} | {peak:.0f} | {cpu:.1f} | {wall:.1f} |", flush=True)


if __name__ == "__main__":
    main()
