"""Every storage encoding in other runtimes: are the weights exact, is the decoding folded when the model is loaded?

    python benchmarks/compat_encodings.py [--json docs/encodings-compat.json] [--web WEB] PYTHON...

Each PYTHON is an interpreter with numpy and onnxruntime, or openvino, for instance of

    python3.11 -m venv old && old/bin/pip install onnxruntime==1.16.3 "numpy<2"

WEB has node_modules with onnxruntime-web. This Python needs lwc. Runtimes that the file has from before stay in it.
Exit status 1 where a runtime takes a model and its weights are not exact.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from encoding_cases import cases, decoded, emission, write

ROWS = 384
SHOWN = 8
"""Rows of a weight that onnxruntime-web is asked for."""
DECODING = 1.6
"""Times of the float model's run from which a weight is decoded at each: folded ones took .7 to 1.2, and with optimisation disabled
2.2 (float16) to 612 (trees)."""


def verdict(found: dict, optimised: Path) -> str:
    """Return "folded", "at each run", "refused" or "wrong"."""
    if "refused" in found:
        return "refused"
    if not found["exact"]:
        return "wrong"
    left = found["left"] if found["left"] is not None else [n.op_type for n in onnx.load(optimised).graph.node if n.op_type != "MatMul"]
    return "at each run" if left else "folded"


def web(home: Path, folder: str) -> dict:
    """Return what onnxruntime-web finds in a folder, told in verdicts."""
    out = Path(folder) / "found.json"
    subprocess.run(["node", Path(__file__).with_name("targets_web") / "encodings.mjs", home.resolve(), folder, out], check=True)
    said = json.loads(out.read_text())
    plain = said["models"]["float32"]["run_ms"]
    return {"runtime": said["runtime"], "models": {
        stem: "refused" if "refused" in found else "wrong" if not found["exact"] else
        "at each run" if found["run_ms"] > DECODING * plain else "folded" for stem, found in said["models"].items()}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--web", type=Path)
    parser.add_argument("pythons", nargs="*", metavar="PYTHON")
    given = parser.parse_args()
    before = json.loads(given.json.read_text()) if given.json and given.json.exists() else {"runtimes": [], "cases": {}}
    table: dict[str, dict[str, str]] = {case.name: before["cases"].get(case.name, {}) for case in cases()}
    runtimes = before["runtimes"]
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for case in cases():
            stem = re.sub(r"\W+", "_", case.name)
            names[stem] = case.name
            values = case.make(ROWS)
            write(case, emission(case, values), ROWS, f"{folder}/{stem}.onnx", ROWS)
            np.save(f"{folder}/{stem}.npy", decoded(values))
        runner = Path(__file__).with_name("compat_runner.py")
        for python in given.pythons:
            run = subprocess.run([python, str(runner), folder], check=True, capture_output=True, text=True)
            said = json.loads(run.stdout.splitlines()[-1])
            if said["runtime"] not in runtimes:
                runtimes.append(said["runtime"])
            for stem, found in said["models"].items():
                table[names[stem]][said["runtime"]] = verdict(found, Path(folder) / f"{stem}.optimised")
                if "refused" in found or not found["exact"]:
                    print(f"{said['runtime']}: {names[stem]}: {found}", file=sys.stderr)
        if given.web is not None:
            with tempfile.TemporaryDirectory() as narrow:
                for case in cases():
                    stem, values = re.sub(r"\W+", "_", case.name), case.make(ROWS)
                    write(case, emission(case, values), ROWS, f"{narrow}/{stem}.onnx")
                    decoded(values)[:SHOWN].astype(np.float32).tofile(f"{narrow}/{stem}.bin")
                said = web(given.web, narrow)
            if said["runtime"] not in runtimes:
                runtimes.append(said["runtime"])
            for stem, word in said["models"].items():
                table[names[stem]][said["runtime"]] = word
    for name, row in table.items():
        print(f"{name:34} " + "  ".join(f"{row.get(r, ''):12}" for r in runtimes))
    if given.json:
        given.json.write_text(json.dumps({"runtimes": runtimes, "cases": table}, indent=1) + "\n")
    return int(any(v == "wrong" for row in table.values() for v in row.values()))


if __name__ == "__main__":
    sys.exit(main())
