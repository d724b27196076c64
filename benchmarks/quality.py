"""Size and fidelity of what lwc and other tools make of real models.

    python benchmarks/quality.py MODELS WORK --peers PEERS_PYTHON [--zoo DIR] [--tools lwc|peers|NAME] [--only MODEL]

MODELS is what fetch_models.py filled. A zoo is a folder of NAME/model.onnx with NAME/eval.py: feeds() yields inputs,
run(path) returns the task metric. Every call is a process with a time limit; what goes wrong is recorded, not raised.
WORK/quality.json grows result by result, so a run can be stopped and taken up again; quality_table.py prints it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fidelity import few_words
from peers import TOOLS
from quality_cases import Case, cases

HERE = Path(__file__).parent
TIME_LIMIT = 300  # seconds for one tool on one model, and for one comparison
LWC_TOOLS = {
    "lwc strip": ["strip"],
    "lwc prune 0.5": ["prune", "--sparsity", "0.5"],
    "lwc quantize 8": ["quantize", "--bits", "8"],
    "lwc quantize 4": ["quantize", "--bits", "4"],
    "lwc compress": ["compress"],
}
LIMITS = {"lwc compress": 1500}  # seconds: it searches for 300, and 20 for each million weights
GROUPS = {"lwc": list(LWC_TOOLS), "peers": list(TOOLS)}


def call(command: list[str], limit: float = TIME_LIMIT) -> tuple[int | None, str, str]:
    """Run a command to its end or its time limit.

    Returns: exit status (None: over the limit), standard output, a few words of what it complained about.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit)
    except subprocess.TimeoutExpired:
        return None, "", f"over {limit:g} s"
    words = few_words(done.stderr) if done.stderr.strip() else f"exit status {done.returncode}"
    return done.returncode, done.stdout, words if done.returncode else ""


def tool_command(tool: str, case: Case, output: Path, lwc: list[str], peers: str) -> list[str]:
    """The process that compresses one model with one tool."""
    if tool in LWC_TOOLS:
        data = [word for folder in case.feeds for word in ("--data", str(folder))]
        common = ["-q", "--report", str(output.with_name("report.json")), "-o", str(output)]
        return [*lwc, LWC_TOOLS[tool][0], str(case.model), *LWC_TOOLS[tool][1:], *common, *data]
    return [peers, str(HERE / "peers.py"), tool, str(case.model), str(output)]


def judge(case: Case, candidate: Path) -> dict[str, Any]:
    """Compare a candidate with the case's model, independently of any tool."""
    command = [sys.executable, str(HERE / "fidelity.py"), str(case.model), str(candidate), *map(str, case.feeds)]
    status, text, words = call(command)
    if status:
        return {"loads": False, "runs": False, "same_interface": False, "error": f"crash: {words}", "outputs": []}
    if status is None:
        return {"loads": True, "runs": False, "same_interface": False, "error": words, "outputs": []}
    found: dict[str, Any] = json.loads(text)
    return found


def try_tool(tool: str, case: Case, folder: Path, lwc: list[str], peers: str) -> dict[str, Any]:
    """Compress one model with one tool and measure the result.

    Returns: status, error, seconds, bytes, fidelity, metric (where the case has a task), report (lwc's own).
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    output = folder / "model.onnx"
    started = time.perf_counter()
    status, _, words = call(tool_command(tool, case, output, lwc, peers), LIMITS.get(tool, TIME_LIMIT))
    row: dict[str, Any] = {"status": status, "error": words, "seconds": round(time.perf_counter() - started, 2)}
    report = output.with_name("report.json")
    if report.exists():
        row["report"] = json.loads(report.read_text())
        report.unlink()
    if not output.exists():
        row["error"] = words or "exit status 0, but no file"
        return row
    row["bytes"] = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    row["fidelity"] = judge(case, output)
    if case.task and row["fidelity"]["runs"]:
        row["metric"] = case.metric(output)
    return row


def main() -> None:
    """Try the tools asked for on the models asked for."""
    parser = argparse.ArgumentParser(description="Size and fidelity of lwc and other tools on real models.")
    parser.add_argument("models", type=Path, help="folder that fetch_models.py filled")
    parser.add_argument("work", type=Path, help="folder for results and files in between")
    parser.add_argument("--peers", required=True, help="Python of an environment with benchmarks/peers.txt")
    parser.add_argument("--lwc", default=f"{sys.executable} -m lightweight_cli", help="the command to measure")
    parser.add_argument("--zoo", type=Path, help="folder of NAME/model.onnx with NAME/eval.py")
    parser.add_argument("--tools", nargs="+", default=["lwc", "peers"], choices=[*GROUPS, *LWC_TOOLS, *TOOLS])
    parser.add_argument("--only", nargs="+", help="only these models")
    parser.add_argument("--again", action="store_true", help="measure anew what is already in quality.json")
    options = parser.parse_args()
    store = options.work / "quality.json"
    options.work.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = json.loads(store.read_text()) if store.exists() else {}
    tools = [tool for word in options.tools for tool in GROUPS.get(word, [word])]
    for case in cases(options.models.resolve(), options.zoo, options.work.resolve()):
        if options.only and case.name not in options.only:
            continue
        entry = results.setdefault(case.name, {"bytes": case.bytes, "tools": {}})
        if case.task and "metric" not in entry:
            entry["metric"] = case.metric(case.model)
        for tool in tools:
            if tool in entry["tools"] and not options.again:
                continue
            row = try_tool(tool, case, options.work.resolve() / "files", options.lwc.split(), options.peers)
            entry["tools"][tool] = row
            share = f"{row['bytes'] / entry['bytes']:6.1%}" if "bytes" in row else "      "
            words = row["error"] or row["fidelity"]["error"]
            print(f"{case.name:26} {tool:18} {share}  {row['seconds']:6.1f} s  {words}", file=sys.stderr, flush=True)
            store.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
