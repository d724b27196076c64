"""CPU and memory of lwc against the tools it replaces, as paired ratios of whole processes.

    python benchmarks/cost.py WORK --peers PEERS_PYTHON [--rounds 9] [--sizes 1MB 100MB 440MB 4GB] [--json F]

Models are made in WORK/SIZE/model.onnx when missing (benchmarks/synthetic.py). Commands of one claim take turns, so
that a busy machine slows both; the figure is the median of the per-round ratios. Markdown goes to stdout.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from process_cost import Cost, interleave, median, median_ratio

HERE = Path(__file__).parent
SIZES = ("1MB", "100MB", "440MB", "4GB")
SLOW = ("440MB", "4GB")  # these take seconds a run: a third of the rounds, at least three
MEMORY_GOAL = 256  # MiB, at every size
HELP_GOAL, INSPECT_GOAL = 1.3, 4.0  # times `import typer`, times bare python
INT8_GOAL = {"1MB": 1.0, "100MB": 0.3, "440MB": 0.1}  # times quantize_dynamic
INT4_GOAL = {"440MB": 0.3, "4GB": 0.3}  # times MatMulNBits
COPY_GOAL = {("strip", "4GB"): 1.5, ("quantize 8", "4GB"): 1.5}  # times cp


@dataclass(frozen=True)
class Claim:
    """Two commands whose CPU time is compared; `limit` is the largest ratio that keeps the claim."""

    topic: str
    size: str
    ours: list[str]
    theirs: list[str]
    against: str
    limit: float | None = None
    memory: float | None = None  # MiB allowed to ours


@dataclass(frozen=True)
class Bench:
    """Where things are: the models, the output folder, the interpreters."""

    work: Path
    peers: str
    lwc: list[str]

    def model(self, size: str) -> str:
        """Path of the model of one size."""
        return str(self.work / size / "model.onnx")

    @property
    def output(self) -> str:
        """Path that every command writes to."""
        return str(self.work / "out" / "model.onnx")

    def clean(self) -> None:
        """Empty the output folder."""
        shutil.rmtree(self.work / "out", ignore_errors=True)
        (self.work / "out").mkdir()

    def make_models(self, sizes: list[str]) -> None:
        """Write the models that are not there yet."""
        for size in sizes:
            if not Path(self.model(size)).exists():
                command = [sys.executable, str(HERE / "synthetic.py"), self.model(size), "--size", size]
                subprocess.run(command, check=True)

    def compress(self, command: str, size: str, *options: str) -> list[str]:
        """One lwc command without its check."""
        return [*self.lwc, command, self.model(size), *options, "--no-check", "-q", "-o", self.output]

    def peer(self, tool: str, size: str) -> list[str]:
        """One call of another tool."""
        return [self.peers, str(HERE / "peers.py"), tool, self.model(size), self.output]

    def copy(self, size: str) -> list[str]:
        """The floor: copy the model's files."""
        return ["cp", "-r", str(self.work / size), self.output]


COMMANDS = {
    "strip": ("strip",),
    "prune": ("prune", "--threshold", "0.01"),
    "quantize 8": ("quantize", "--bits", "8"),
    "quantize 4": ("quantize", "--bits", "4", "--method", "nearest"),  # as MatMulNBits
}
PEERS = {"quantize 8": ("quantize_dynamic", INT8_GOAL), "quantize 4": ("matmul_nbits", INT4_GOAL)}


def claims(bench: Bench, sizes: list[str]) -> list[Claim]:
    """Every claim that the sizes allow; a command without a peer at that size is compared with a copy."""
    python = sys.executable
    found = [Claim("help", "-", [*bench.lwc, "--help"], [python, "-c", "import typer"], "import typer", HELP_GOAL)]
    for size in sizes:
        inspect = [*bench.lwc, "inspect", bench.model(size)]
        found.append(Claim("inspect", size, inspect, [python, "-c", "pass"], "python -c pass", INSPECT_GOAL))
    for topic, words in COMMANDS.items():
        tool, goals = PEERS.get(topic, ("", {}))
        for size in sizes:
            theirs, against = (bench.peer(tool, size), tool) if size in goals else (bench.copy(size), "cp")
            ours = bench.compress(words[0], size, *words[1:])
            found.append(Claim(topic, size, ours, theirs, against, goals.get(size, COPY_GOAL.get((topic, size))), MEMORY_GOAL))
    return found


def failed(costs: list[Cost]) -> str:
    """What the first failing run said; empty when all ended well."""
    return next((f"failed: {cost.error or cost.status}" for cost in costs if cost.status), "")


def verdict(claim: Claim, ours: list[Cost], theirs: list[Cost]) -> str:
    """Kept, missed, or why nothing can be said."""
    if failure := failed(ours + theirs):
        return failure
    kept = claim.limit is None or median_ratio(ours, theirs) <= claim.limit
    kept &= claim.memory is None or max(cost.peak for cost in ours) <= claim.memory
    return "kept" if kept else "**missed**"


def table_row(claim: Claim, ours: list[Cost], theirs: list[Cost]) -> str:
    """One Markdown row."""
    limits = [(claim.limit, "x"), (claim.memory, " MiB")]
    goals = [f"<= {limit:g}{unit}" for limit, unit in limits if limit is not None]
    cells = [claim.topic, claim.size, f"{median(ours, 'cpu'):.2f}", f"{max(c.peak for c in ours):.0f}", claim.against,
             f"{median(theirs, 'cpu'):.2f}", f"{max(c.peak for c in theirs):.0f}",
             f"{median_ratio(ours, theirs):.2f}x", ", ".join(goals), verdict(claim, ours, theirs)]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def peer_row(claim: Claim, theirs: list[Cost]) -> str:
    """One Markdown row without lwc."""
    cells = [claim.against, claim.size, f"{median(theirs, 'cpu'):.2f}", f"{median(theirs, 'wall'):.2f}",
             f"{max(c.peak for c in theirs):.0f}", failed(theirs)]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


TITLE = """# Cost

Made by `benchmarks/cost.py`: whole processes that take turns on one machine, lwc with `--no-check`. CPU is the median
of user + system seconds, the peak is the largest of all runs, the ratio is the median of the per-round ratios.
"""
HEADER = """| command | model | CPU s | peak MiB | against | CPU s | peak MiB | ratio of CPU | goal | |
|---|---|--:|--:|---|--:|--:|--:|---|---|"""
PEER_HEADER = """| peer | model | CPU s | wall s | peak MiB | |
|---|---|--:|--:|--:|---|"""


def rounds_of(claim: Claim, rounds: int) -> int:
    """Fewer rounds where one takes long."""
    return max(3, rounds // 3) if claim.size in SLOW and claim.topic != "inspect" else rounds


def main() -> None:
    """Measure the claims and print the table."""
    parser = argparse.ArgumentParser(description="Cost of lwc against other tools, as paired ratios.")
    parser.add_argument("work", type=Path, help="folder for models and outputs; 4GB needs 14 GB of disk")
    parser.add_argument("--peers", required=True, help="Python of an environment with benchmarks/peers.txt")
    parser.add_argument("--lwc", default=f"{sys.executable} -m lightweight_cli", help="the command to measure")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--topics", nargs="+", help="only claims whose name starts with one of these")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--side", choices=("both", "peers"), default="both", help="peers: leave lwc out")
    parser.add_argument("--json", type=Path, help="write every single run here")
    options = parser.parse_args()
    bench = Bench(options.work.resolve(), options.peers, options.lwc.split())
    bench.make_models(options.sizes)
    bench.clean()
    rows = []
    print(TITLE)
    print(HEADER if options.side == "both" else PEER_HEADER)
    for claim in claims(bench, options.sizes):
        if options.topics and not claim.topic.startswith(tuple(options.topics)):
            continue
        commands = {"theirs": claim.theirs} if options.side == "peers" else {"ours": claim.ours, "theirs": claim.theirs}
        costs = interleave(commands, rounds_of(claim, options.rounds), bench.clean)
        theirs = costs["theirs"]
        both = options.side == "both"
        print(table_row(claim, costs["ours"], theirs) if both else peer_row(claim, theirs), flush=True)
        rows += [{"topic": claim.topic, "size": claim.size, "against": claim.against, "side": side, "round": number,
                  **cost.as_row()} for side, runs in costs.items() for number, cost in enumerate(runs)]  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
