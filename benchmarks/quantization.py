"""Bits by method, lwc beside other tools, on models with labelled data.

    python -m venv peers && peers/bin/pip install -r benchmarks/peers-quantization.txt
    python benchmarks/quantization.py zoo/* --peers peers/bin/python [--bits 8 4] [--tools lwc|peers|NAME...]
    python benchmarks/quantization.py --only-page

A folder holds model.onnx, eval.py (`feeds()` yields labelled inputs, `metric(outputs)` judges them; without one, only the cost is
measured) and, where a model can be calibrated, calib_feeds.npz with unlabelled samples that never judge. A row is written to RESULTS as
soon as it is measured and not measured twice, unless with --again for another commit. Files with the same bytes are judged once.
The tables of docs/benchmarks-quantization.md are made of the rows; what stands above them is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from process_cost import Cost, measure
from quantization_page import TABLES, tables, unchanged

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/quantization"
RESULTS, JUDGED = BUILD / "rows.jsonl", BUILD / "judged.jsonl"
PAGE = ROOT / "docs/benchmarks-quantization.md"
UNCHECKED = ("--no-check",)
BITS = (8, 4, 3, 6, 5, 2)
"""In the order of what matters most, as a run may be stopped."""
LWC = {
    "nearest": ("nearest", False, UNCHECKED),
    "mse": ("mse", False, UNCHECKED),
    "gptq, not run": ("gptq", False, UNCHECKED),
    "gptq": ("gptq", False, ("--check-time", "1")),
    "gptq with data": ("gptq", True, UNCHECKED),
}
"""Name in the table: method, whether it gets data, and how the result is checked: a model that is not run has no synthetic inputs."""
PEERS = {
    "ort dynamic": ("ort_dynamic", (8,), False),
    "ort static": ("ort_static", (8,), True),
    "ort nbits": ("ort_rtn", (8, 4, 2), False),
    "ort nbits, Gather": ("ort_rtn_gather", (8, 4), False),
    "ort HQQ": ("ort_hqq", (4,), False),
    "ort GPTQ": ("ort_gptq", (4,), True),
    "onnxsim": ("sim_rtn", (4,), False),
    "onnxsim GPTQ": ("sim_gptq", (4,), True),
    "onnxsim AWQ": ("sim_awq", (4,), True),
    "NNCF": ("nncf_rtn", (8, 4, 3, 2), False),
    "NNCF AWQ": ("nncf_data", (4,), True),
}
"""Name in the table: function of quantization_peers.py, the bits it can, whether it needs data. NNCF has no GPTQ for ONNX."""
SAME_WEIGHTS = {"ort HQQ": "ort nbits", "ort GPTQ": "ort nbits", "NNCF AWQ": "NNCF"}
"""Tools that quantize a part of the weights that another one does: where that one finds none, they are not tried."""
SAMPLES = 256
STEPS = {"ppocrv4-rec": 2, "minilm-stsb": 2, "captcha-crnn": 2}
"""Of the models that are slow to run, every second or third labelled row judges."""
NOTHING = 0.98
"""A file above this share of the original's bytes: the tool did nothing, and gets the model once more as onnxsim writes it."""
LIMIT = 900
"""Seconds for one call of a tool."""


def main() -> int:
    """Measure what is missing, and write the tables.

    Returns: the exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--peers", help="Python of an environment with peers-quantization.txt")
    parser.add_argument("--bits", nargs="+", type=int, default=BITS)
    parser.add_argument("--tools", nargs="+", default=["lwc", "peers"])
    parser.add_argument("--again", nargs="*", default=[], help="of these, rows of another commit are measured anew")
    parser.add_argument("--only-page", action="store_true")
    given = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    commit = said(["git", "-C", str(ROOT), "log", "-1", "--format=%h", "--", "lightweight_cli"])
    done = lines(RESULTS)
    for bits in [] if given.only_page else given.bits:
        for folder in (f.resolve() for f in given.folders):
            data = folder / "calib_feeds.npz"
            todo = [name for name in LWC if chosen(name, "lwc", given.tools)]
            todo += [name for name, (_, can, _) in PEERS.items() if given.peers and bits in can and chosen(name, "peers", given.tools)]
            for name in todo:
                needs = LWC[name][1] if name in LWC else PEERS[name][2]
                same = [r for r in done if (r["model"], r["tool"], r["bits"]) == (folder.name, name, bits)]
                if (needs and not data.exists()) or any(name not in given.again or r["commit"] == commit for r in same):
                    continue
                row = {"model": folder.name, "tool": name, "bits": bits, "data": needs, "commit": commit}
                row |= of_lwc(folder, name, bits) if name in LWC else idle(folder, name, done) or of_peer(folder, name, bits, given.peers)
                done.append(row)
                with RESULTS.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(row, flush=True)
    for folder in given.folders:
        if not any((r["model"], r["tool"]) == (folder.name, "float") for r in done):
            row = {"model": folder.name, "tool": "float", "bits": 32, "data": False, "commit": commit}
            row |= judged(folder.resolve(), folder / "model.onnx")
            done.append(row)
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
    reading, _, _ = PAGE.read_text().partition(TABLES)
    PAGE.write_text(reading + TABLES + tables(done))
    return 0


def chosen(name: str, group: str, tools: list[str]) -> bool:
    """Whether a tool was asked for."""
    return group in tools or name in tools


def said(command: list[str]) -> str:
    """Return what a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def lines(path: Path) -> list[dict]:
    """Return the rows of a file, if there is one."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def of_lwc(folder: Path, name: str, bits: int) -> dict:
    """Quantize with lwc and judge.

    Returns: what a row says.
    """
    method, data, checked = LWC[name]
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "out.onnx"
        command = [sys.executable, "-m", "lightweight_cli", "run", str(folder / "model.onnx"), "-o", str(output), "-q", *checked]
        command += ["-p", "strip", "-p", f"quantize:bits={bits},method={method}"]
        command += ["--calibrate", str(folder / "calib_feeds.npz"), "--samples", str(SAMPLES)] if data else []
        return outcome(folder, output, measure(["timeout", str(LIMIT), *command]))


def of_peer(folder: Path, name: str, bits: int, python: str) -> dict:
    """Quantize with another tool and judge; if that fails or does nothing, again with what onnxsim makes of the model.

    Returns: what a row says.
    """
    call, _, data = PEERS[name]
    script = [python, str(ROOT / "benchmarks/quantization_peers.py")]
    feeds = [str(folder / "calib_feeds.npz")] if data else []
    original, simple = folder / "model.onnx", BUILD / f"simplified-{folder.name}.onnx"

    def tried(model: Path) -> dict:
        with tempfile.TemporaryDirectory() as place:
            output = Path(place) / "out.onnx"
            return outcome(folder, output, measure(["timeout", str(LIMIT), *script, call, str(bits), str(model), str(output), *feeds]))

    first = tried(original)
    if first.get("failed", "").startswith("over") or "failed" not in first and first["bytes"] < NOTHING * original.stat().st_size:
        return first
    if not simple.exists():
        measure([*script, "simplified", "0", str(original), str(simple)])
    again = tried(simple) if simple.exists() else first
    if "failed" in again or ("failed" not in first and again["bytes"] >= first["bytes"]):
        return first
    return again | {"note": "after onnxsim; as it is: " + (first.get("failed") or f"{first['bytes']:,} bytes")}


def idle(folder: Path, name: str, done: list[dict]) -> dict | None:
    """Return the row of a tool that has nothing to quantize, as its plainer sister found before."""
    for r in done:
        if (r["model"], r["tool"]) == (folder.name, SAME_WEIGHTS.get(name)) and "sqnr" in r and unchanged(r):
            return {k: v for k, v in r.items() if k not in ("bits", "tool", "data", "cpu_s", "peak_mib", "commit", "model")}
    return None


def outcome(folder: Path, output: Path, cost: Cost) -> dict:
    """What a call cost, and how good its file is; of one that failed, the reason."""
    row: dict = {"cpu_s": round(cost.cpu, 2), "peak_mib": round(cost.peak)}
    if cost.status or not output.exists():
        late = f"over {LIMIT} s, {cost.cpu:.0f} of them on a processor" if cost.status == 124 else ""
        return {"failed": late or cost.error or "no file", **row}
    return row | judged(folder, output)


def judged(folder: Path, file: Path) -> dict:
    """Judge a file, or take the judgement of one with the same bytes."""
    if not (folder / "eval.py").exists():
        return {"bytes": file.stat().st_size}  # only what it costs is asked
    key = [folder.name, hashlib.sha256(file.read_bytes()).hexdigest()]
    for known in lines(JUDGED):
        if known["key"] == key:
            return known["found"]
    script = str(ROOT / "benchmarks/quantization_judge.py")
    step, store = STEPS.get(folder.name, 1), str(BUILD / f"outputs-{folder.name}.npz")
    told = subprocess.run([sys.executable, script, str(folder), str(file), str(step), store], capture_output=True, text=True)
    size = {"bytes": sum(f.stat().st_size for f in file.parent.glob(file.name + "*"))}
    if told.returncode:
        return {"failed": (told.stderr.strip().splitlines() or ["crash"])[-1][:200], **size}
    found = size | json.loads(told.stdout.splitlines()[-1])
    with JUDGED.open("a") as kept:
        kept.write(json.dumps({"key": key, "found": found}) + "\n")
    return found


if __name__ == "__main__":
    sys.exit(main())
