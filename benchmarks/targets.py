"""Models in lwc's forms, in the runtimes they go to: do they load, are outputs equal, what do loading and running take?

    python benchmarks/targets.py WORK [--json docs/targets.json] [--chromium /usr/bin/chromium] [--web WEB] \\
        [--python PYTHON]... -- FOLDER...

A FOLDER has model.onnx and calib.npz (target_forms.py). Each PYTHON has numpy and onnxruntime, or openvino; WEB has node_modules
with onnxruntime-web. Equal is against what onnxruntime of this Python makes of the same file: the largest error relative to the largest
output.
Files that WORK has from before are used again, and rows of the JSON file that are not measured anew stay; `--only "8 bits"`: of one form.
`make targets` sets everything up.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from target_forms import Form, feeds, forms
from target_page import pages

HERE = Path(__file__).resolve().parent
SECONDS = 0.5
"""For the runs of one model in one runtime."""
ONNXRUNTIME, OPENVINO, WEB = "onnxruntime", "openvino", "web"


def takes(form: Form, kind: str) -> bool:
    """Whether a file was made for a kind of runtime."""
    if form.place == "openvino":
        return kind == OPENVINO
    return kind == ONNXRUNTIME if form.place == "ort-format" else True


def native(python: str, form: Form, given: Path, work: Path) -> dict[str, Any]:
    """Run a file in another Python's runtime; the outputs are in `work`."""
    run = subprocess.run([python, str(HERE / "target_runner.py"), str(form.path), str(given), str(work / "out.npz"), str(SECONDS)],
                         capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ""})
    if run.returncode:
        return {"refused": f"ended with {run.returncode}: {run.stderr.strip()[-200:]}"}
    return json.loads(run.stdout.splitlines()[-1])


def error(reference: dict[str, np.ndarray], outputs: dict[str, np.ndarray]) -> float:
    """Return the largest difference of an output, relative to its largest value; inf where one is missing or of another shape."""
    worst = 0.0
    for name, expected in reference.items():
        found = outputs.get(name)
        if found is None or found.shape != expected.shape:
            return float("inf")
        if expected.size:
            wide = expected.astype(np.float64)
            worst = max(worst, float(np.abs(found.astype(np.float64) - wide).max() / max(np.abs(wide).max(), 1e-30)))
    return worst


def entry(name: str, arrays: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return what the JavaScript side is told of a model: its inputs, and what Python makes of them, to be shown beside."""
    def told(tensors: dict[str, np.ndarray]) -> list[dict[str, Any]]:
        return [{"name": k, "type": str(v.dtype), "dims": list(v.shape), "data": base64.b64encode(v.tobytes()).decode()}
                for k, v in tensors.items()]

    return {"model": name, "seconds": SECONDS, "feeds": told(arrays), "expected": told(expected)}


def decoded(found: dict[str, Any]) -> dict[str, np.ndarray]:
    """Take the outputs out of what JavaScript found, as arrays."""
    return {o["name"]: np.frombuffer(base64.b64decode(o["data"]), o["type"]).reshape(o["dims"]) for o in found.pop("outputs", [])}


def row(form: Form, runtime: str, found: dict[str, Any], off: float | None) -> dict[str, Any]:
    """Return what is kept of one run."""
    figures = {k: v for k, v in found.items() if k not in ("runtime", "model")}
    return {"model": form.model, "form": form.form, "place": form.place, "bytes": form.path.stat().st_size, "runtime": runtime,
            **figures, **({"error": off} if off is not None else {})}


def key(found: dict[str, Any]) -> tuple[str, ...]:
    """Return what tells rows apart."""
    return found["model"], found["form"], found["place"], found["runtime"]


def measured(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the rows of all models in all runtimes."""
    work: Path = given.work
    chrome: list[tuple[Form, dict[str, Any], dict[str, np.ndarray]]] = []
    for folder in given.folders:
        arrays = feeds(folder, given.work)
        np.savez(work / "feeds.npz", **arrays)
        for form in forms(folder, work, given.only):
            own = native(sys.executable, form, work / "feeds.npz", work)
            if "refused" in own:
                print(f"{form.path.name}: {own}", file=sys.stderr)
                continue
            with np.load(work / "out.npz") as held:
                reference = {k: held[k] for k in held.files}
            if given.page_only:
                if not form.place:
                    chrome.append((form, entry(form.path.name, arrays, reference), reference))
                continue
            if form.place != "openvino":
                yield row(form, own["runtime"], own, 0.0)
            for python in given.python:
                kind = OPENVINO if "openvino" in python else ONNXRUNTIME
                if takes(form, kind):
                    found = native(python, form, work / "feeds.npz", work)
                    off = None
                    if "refused" not in found:
                        with np.load(work / "out.npz") as held:
                            off = error(reference, {k: held[k] for k in held.files})
                    yield row(form, found.get("runtime", python), found, off)
            if given.web is not None and takes(form, WEB) and not form.place:
                told = entry(form.path.name, arrays, reference)
                (work / "entry.json").write_text(json.dumps(told))
                subprocess.run(["node", HERE / "targets_web/node.mjs", given.web.resolve(), work / "entry.json", form.path,
                                work / "out.json"], check=True)
                found = json.loads((work / "out.json").read_text())
                outputs = decoded(found)
                yield row(form, found["runtime"], found, None if "refused" in found else error(reference, outputs))
                chrome.append((form, told, reference))
    if given.web is not None and given.chromium:
        dist = given.web / "node_modules/onnxruntime-web/dist"
        version, told = pages(given.chromium, dist, [e for _, e, _ in chrome], {f.path.name: f.path for f, _, _ in chrome})
        for (form, _, reference), found in zip(chrome, told, strict=True):
            outputs = decoded(found)
            yield row(form, f"onnxruntime-web, Chromium {version}", found, None if "refused" in found else error(reference, outputs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--only", action="append", default=[], metavar="FORM")
    parser.add_argument("--web", type=Path)
    parser.add_argument("--chromium")
    parser.add_argument("--page-only", action="store_true", help="nothing but the page in Chromium")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    before = json.loads(given.json.read_text())["rows"] if given.json and given.json.exists() else []
    rows = {key(r): r for r in before}
    for found in measured(given):
        rows[key(found)] = found
        print(json.dumps(found), flush=True)
        if given.json:
            given.json.write_text(json.dumps({"machine": platform.machine(), "rows": list(rows.values())}, indent=1) + "\n")


if __name__ == "__main__":
    main()
