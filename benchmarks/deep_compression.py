"""Deep Compression in a standard ONNX file: pruned to 20 %, then shared values; and where gaps beat a bitmask.

    python benchmarks/deep_compression.py MODELS WORK [--only NAME...] [--rounds 9]

MODELS holds NAME/model.onnx, with NAME/eval.py where there is a task: run(path) returns its metric, and NAME/calib_feeds.npz for recipes
with data. Printed as Markdown:
bytes and ratio of the whole file, CPU time to load it against the original's (median of turns, one thread), bits that a
weight takes with its decoding nodes, and the entropy of the codes, which no code of single weights can beat.

Source: Han et al. 2016, arXiv:1510.00149.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from onnx import TensorProto
from quality_cases import Case

from lightweight_cli.encodings import choose, recognise
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.numerics import kmeans, rate, sketch
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.search import find_weights

PRUNE = "prune:sparsity=0.8"
RECIPES = {
    "80 %": [PRUNE],
    "80 %, 5 bits": [PRUNE, "share:bits=5"],
    "80 %, 4 bits": [PRUNE, "share:bits=4"],
    "80 %, 4 bits, any memory": [PRUNE, "share:bits=4,load_memory=40"],
    "4 bits": ["share:bits=4"],
    "4 bits, channel scales": ["share:bits=4,granularity=channel"],
    "8 x 256 vectors": ["share:bits=8,vector=8"],
}
BY_DATA = "prune:sparsity={},criterion=obs"
WITH_DATA = {
    "4 bits, then 80 % by data": ["share:bits=4", BY_DATA.format(0.8)],
    "80 % by data, 4 bits": [BY_DATA.format(0.8), "share:bits=4"],
    "70 % by data, 4 bits": [BY_DATA.format(0.7), "share:bits=4"],
}
"""Recipes for models with calib_feeds.npz."""
SPARSITIES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.82, 0.84, 0.86, 0.88, 0.9, 0.92, 0.95, 0.98, 0.99)
WEIGHTS = 1_000_000


class Row(NamedTuple):
    """What one recipe made of one model."""

    bytes: int
    load: float
    bits: float
    entropy: float
    metric: str


def compress(source: Path, target: Path, steps: list[str], data: Path | None) -> None:
    """Strip a model and apply the steps."""
    words = [word for step in ["strip:metadata=true", *steps] for word in ("-p", step)]
    command = [sys.executable, "-m", "lightweight_cli", "run", str(source), *words, "-o", str(target), "-f", "-q", "--no-check"]
    command += [] if data is None else ["--calibrate", str(data)]
    subprocess.run(command, check=True)


def load_seconds(path: Path) -> float:
    """CPU time to open a model."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    started = time.process_time()
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return time.process_time() - started


def load_ratio(original: Path, result: Path, rounds: int) -> float:
    """Median ratio of the times to open two models in turns."""
    load_seconds(original), load_seconds(result)
    return statistics.median(load_seconds(result) / load_seconds(original) for _ in range(rounds))


def weigh(path: Path) -> tuple[float, float]:
    """Bits that a weight takes in the file, decoding nodes included, and the entropy of the codes.

    Weights without codes count with the bits they take; where none has codes, the entropy is 0.
    """
    stored = size = coded = 0
    bound = 0.0
    model = load(str(path))
    for weight in find_weights(model, Scopes(model.proto)):
        codes = recognise.coded(weight) if weight.encoded else None
        nbytes = weight.stored_bytes()
        bound += 8.0 * nbytes if codes is None else weight.size * rate.of_counts(codes.histogram)
        stored, size, coded = stored + nbytes, size + weight.size, coded + (codes is not None)
    return 8 * stored / size, bound / size if coded else 0.0


def metric_of(case: Case, path: Path) -> str:
    """The task's metric of a model, if it has a task."""
    if case.task is None:
        return ""
    found = case.metric(path)
    return str(found.get("value", found.get("error")))


def measure(case: Case, work: Path, rounds: int) -> dict[str, Row]:
    """Apply every recipe to one model."""
    rows = {"original": Row(case.bytes, 1.0, *weigh(case.model), metric_of(case, case.model))}
    data = case.model.parent / "calib_feeds.npz"
    for name, steps in {**RECIPES, **(WITH_DATA if data.exists() else {})}.items():
        result = work / f"{case.name}.onnx"
        compress(case.model, result, steps, data if name in WITH_DATA else None)
        load = load_ratio(case.model, result, rounds)
        rows[name] = Row(result.stat().st_size, load, *weigh(result), metric_of(case, result))
    return rows


def pruned_codes(sparsity: float) -> Coded:
    """A million Gaussian weights, the smallest pruned, the others sharing 15 values."""
    weights = np.random.default_rng(0).standard_normal(WEIGHTS, np.float32)
    weights[np.abs(weights) < np.quantile(np.abs(weights), sparsity)] = 0
    codebook = kmeans.codebook(sketch.sketch([weights]), 16, zero=True)
    codes = kmeans.assign(weights, codebook)
    zero = int(np.searchsorted(codebook, 0))
    return Coded((WEIGHTS,), TensorProto.FLOAT, (1, WEIGHTS, 1), Blob(WEIGHTS, data=codes.data), 0, codebook.size,
                 int(np.count_nonzero(codes == zero)), zero, codebook=codebook)


def crossover() -> list[str]:
    """Bytes of a bitmask, of gaps and of neither, by sparsity: 4-bit values, and float32 values."""
    lines = ["| sparsity | 4 bits: no zeros left out | bitmask | gaps | taken | entropy | float32: bitmask | gaps | taken |",
             "| --- | --: | --: | --: | --- | --: | --: | --: | --- |"]
    for sparsity in SPARSITIES:
        coded = pruned_codes(sparsity)
        values = coded.decode()
        shared = choose.for_codes(empty, coded, "W")
        floats = choose.for_floats(empty, "W", (WEIGHTS,), TensorProto.FLOAT, WEIGHTS - coded.zeros, Random(values), 4)
        codes = smallest(shared, lambda label: not label.startswith(("bitmask", "delta")))
        bound = rate.of_counts(coded.histogram) * WEIGHTS / 8
        cells = [f"{sparsity:.2f}", f"{codes:,}", *choice(shared), f"{bound:,.0f}", *choice(floats)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


class Random:
    """Non-zeros that no half-width float holds, in place of given ones; can be iterated again."""

    def __init__(self, values: np.ndarray) -> None:
        noise = np.random.default_rng(1).standard_normal(values.size, np.float32)
        self.values = np.where(values != 0, noise, np.float32(0))

    def __iter__(self) -> Iterator[np.ndarray]:
        yield self.values


def empty(label: str) -> Emission:
    """Return an emission to be filled."""
    return Emission(17, label=label)


def smallest(options: list[Emission], wanted: Callable[[str], bool]) -> int:
    """Bytes of the smallest option of a kind, shared tables included."""
    return min((total(e) for e in options if wanted(e.label)), default=0)


def total(e: Emission) -> int:
    """Bytes of an option and of its tables."""
    return e.nbytes + sum(e.shared_bytes().values())


def choice(options: list[Emission]) -> list[str]:
    """Cells: bytes of the best bitmask, of the best gaps, and which form is the smallest of all."""
    mask, gaps = (smallest(options, lambda label, w=word: label.startswith(w)) for word in ("bitmask", "delta"))
    return [f"{mask:,}" if mask else "", f"{gaps:,}" if gaps else "", min(options, key=total).label]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Deep Compression: size, load time, bits against entropy.")
    parser.add_argument("models", type=Path, help="folder of NAME/model.onnx, some with NAME/eval.py")
    parser.add_argument("work", type=Path, help="folder for the compressed models")
    parser.add_argument("--only", nargs="+", help="only these models")
    parser.add_argument("--rounds", type=int, default=9, help="turns of loading")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    print("| model | | bytes | ratio | load time | bits / weight | entropy | metric |")
    print("| --- | --- | --: | --: | --: | --: | --: | --: |")
    for folder in sorted(p.parent for p in options.models.glob("*/model.onnx")):
        if options.only and folder.name not in options.only:
            continue
        case = Case(folder.name, folder / "model.onnx", [], folder if (folder / "eval.py").exists() else None)
        for name, row in measure(case, options.work, options.rounds).items():
            print(f"| {folder.name if name == 'original' else ''} | {name} | {row.bytes:,} | {case.bytes / row.bytes:.2f}x "
                  f"| {row.load:.2f}x | {row.bits:.2f} | {f'{row.entropy:.2f}' if row.entropy else ''} | {row.metric} |", flush=True)
    print()
    print("\n".join(crossover()))


if __name__ == "__main__":
    main()
